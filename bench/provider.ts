import { performance } from 'node:perf_hooks';
import { startFakeTwilio } from '@/tests/support/fake-twilio';

export type Provider = {
  url: string;
  accountSid: string;
  authToken: string;
  from: string;
  /** Resolves when the next text to this number is at the provider: when that was, and its code, if it has one. */
  nextText: (phone: string) => Promise<{ atMs: number; code: string | null }>;
  stop: () => Promise<void>;
};

const patienceMs = 30_000;

/**
 * The fake Twilio of the tests, which accepts every text at once. A moment later a text counts as delivered and has its price,
 * so that nobody asks for either more than once.
 */
export async function startProvider(): Promise<Provider> {
  const accountSid = `AC${'0'.repeat(31)}3`;
  const authToken = 'a token of the bench';
  const fake = await startFakeTwilio({ accountSid, authToken });
  const waiting = new Map<string, (text: { atMs: number; code: string | null }) => void>();
  fake.onCreate = ({ to, body }) => {
    const tell = waiting.get(to);
    waiting.delete(to);
    tell?.({ atMs: performance.now(), code: /\b\d{6}\b/.exec(body)?.[0] ?? null });
    return {
      kind: 'accept_after',
      before: async (text) => {
        setImmediate(() => {
          text.status = 'delivered';
          text.sentAt = new Date();
          text.price = '-0.00790';
        });
      },
    };
  };
  return {
    url: fake.url,
    accountSid,
    authToken,
    from: '+15005550006',
    nextText: (phone) =>
      new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          waiting.delete(phone);
          reject(new Error(`No text reached the provider within ${patienceMs / 1000} s`));
        }, patienceMs);
        waiting.set(phone, (text) => {
          clearTimeout(patience);
          resolve(text);
        });
      }),
    stop: fake.stop,
  };
}
