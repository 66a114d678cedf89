import { connect } from 'node:net';
import { readRun } from '../support/run';
import { expect, test } from '../support/test';

/** Sends the beginning of a call and never its end. Out: the status line of the answer. */
function callWithoutEnd(path: string, bytes: number): Promise<string> {
  const { hostname, port, host } = new URL(readRun().appUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n` +
          `Content-Type: application/x-www-form-urlencoded\r\n\r\n` +
          `${bytes.toString(16)}\r\n${'a'.repeat(bytes)}\r\n`,
      );
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString('latin1').split('\r\n')[0]!);
    });
  });
}

for (const path of ['/users/webhook/twilio', '/users/webhook/twilio/inbound/']) {
  test(`${path} refuses what is longer than 16 KB without waiting for the rest of it`, async () => {
    expect(await callWithoutEnd(path, 17 * 1024)).toBe('HTTP/1.1 413 Payload Too Large');
  });
}
