import { readFileSync } from 'node:fs';
import { readRows } from '../support/database';
import { paths, register } from '../support/journeys';
import { newNumber } from '../support/people';
import { readRun } from '../support/run';
import { expect, test } from '../support/test';

const readLines = () => readFileSync(readRun().serverLog, 'utf8').split('\n');

test('a request is one line of the log, and its id leads to the text that it asked for and to the line of its sending', async ({
  page,
}) => {
  const phone = newNumber();
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await register(page, { phone, verify: true });
  const id = (await (await answered).headerValue('x-request-id'))!;
  const [text] = await readRows<{ id: string; request_id: string }>(
    'select id, request_id from sms_messages where phone = $1',
    [phone],
  );
  expect(text!.request_id).toBe(id);

  const linesWith = (words: string) => readLines().filter((line) => line.includes(words));
  await expect.poll(() => linesWith(` info request request=${id} `)).toHaveLength(1);
  const [line] = linesWith(` info request request=${id} `);
  expect(line).toMatch(new RegExp(` method=POST route=${paths.register} status=\\d{3} ms=\\d+$`));
  await expect.poll(() => linesWith(`info sms_sent message=${text!.id}`)).toHaveLength(1);
  expect(linesWith(`info sms_sent message=${text!.id}`)[0]).toContain(` askedBy=${id}`);
});
