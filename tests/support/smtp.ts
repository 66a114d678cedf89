import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll } from 'vitest';

/** A mail as the server got it. */
export type ReceivedMail = { from: string; to: string[]; source: string; user: string | null };

/** How the server answers the next recipients; taken from the front. */
export type SmtpAnswer = { code: number; words: string } | 'hang';

export type TestSmtp = {
  readonly url: string;
  readonly received: ReceivedMail[];
  /** Answers to the next recipients in place of taking them. */
  readonly answers: SmtpAnswer[];
};

/** A real SMTP server for the calling test file, without TLS on the loopback, that asks for a login when one is offered. */
export function useSmtp(): TestSmtp {
  const received: ReceivedMail[] = [];
  const answers: SmtpAnswer[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      password === 'right horse'
        ? done(null, { user: username })
        : done(Object.assign(new Error('Wrong password'), { responseCode: 535 })),
    onRcptTo: (_address, _session, done) => {
      const answer = answers.shift();
      if (answer === undefined) done();
      else if (answer !== 'hang') done(Object.assign(new Error(answer.words), { responseCode: answer.code }));
    },
    onData: (stream, { envelope, user }, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString('utf8'),
          user: user === undefined ? null : String(user),
        });
        done();
      });
    },
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.server.address() as { port: number }).port;
  });
  afterAll(() => new Promise<void>((resolve) => server.close(resolve)));
  return {
    get url() {
      return `smtp://127.0.0.1:${port}`;
    },
    received,
    answers,
  };
}
