import { sql } from 'drizzle-orm';
import { decode, encode } from 'next-auth/jwt';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { SendClass } from '@/db/schema/sms';
import { useDatabase } from '../support/database';
import { after, newEmail, newPhone, noon } from '../support/people';

const database = useDatabase();
const own = process.env.AUTH_SECRET;
afterAll(() => {
  process.env.AUTH_SECRET = own;
});

const [oldSecret, newSecret] = ['the-secret-that-goes', 'the-secret-that-comes'];

/** What a process has that was started with this AUTH_SECRET. */
async function startProcess(authSecret: string) {
  process.env.AUTH_SECRET = authSecret;
  vi.resetModules();
  const [{ env }, limits, known, strangers, code, budget, challenge, sealing] = await Promise.all([
    import('@/lib/env'),
    import('@/lib/rate-limits/hits'),
    import('@/lib/auth/sign-in/known-browser'),
    import('@/lib/sms/numbers/subjects'),
    import('@/lib/sms/verification/code'),
    import('@/lib/sms/capacity/budget'),
    import('@/lib/auth/two-factor/passkey-challenge'),
    import('@/lib/seal'),
  ]);
  return {
    secrets: env().authSecrets,
    ...limits,
    ...known,
    ...strangers,
    ...code,
    ...budget,
    ...challenge,
    ...sealing,
  };
}

const steps = [
  ['the first, to accept', oldSecret, `${oldSecret},${newSecret}`],
  ['the second, to sign', `${oldSecret},${newSecret}`, `${newSecret},${oldSecret}`],
  ['the last, without the old one', `${newSecret},${oldSecret}`, newSecret],
] as const;

describe.each(steps)('of two processes one is a step behind, in %s:', (_step, behind, ahead) => {
  const pairs = async () => {
    const [first, second] = [await startProcess(behind), await startProcess(ahead)];
    return [
      { signer: first, reader: second },
      { signer: second, reader: first },
    ];
  };

  test('codes, sessions and marks of browsers that one signs are accepted by the other', async () => {
    const salt = 'doorstep-session';
    const account = { id: 'one', emailKey: 'one@example.com', passwordChangedAt: noon };
    for (const { signer, reader } of await pairs()) {
      const binding = { nonce: Buffer.alloc(32, 7), challengeId: 'x', purpose: 'change', phone: newPhone() };
      const sent = signer.deriveCodes(signer.secrets, binding)[0]!;
      expect(reader.codeMatches(sent, reader.deriveCodes(reader.secrets, binding))).toBe(true);
      const token = await encode({ token: { sessionId: 's' }, secret: [...signer.secrets], salt });
      expect(await decode({ token, secret: [...reader.secrets], salt })).toMatchObject({ sessionId: 's' });
      const mark = signer.addMark(null, signer.issueMark(account, noon));
      expect(reader.findMark(mark, { emailKey: account.emailKey, account }, noon)).not.toBeNull();
    }
  });

  test('a challenge that one gives a passkey is taken by the other, and what one seals the other opens', async () => {
    for (const { signer, reader } of await pairs()) {
      const use = { ceremony: 'get', userId: 'one' } as const;
      const challenge = Buffer.from(signer.newChallenge(use, noon)).toString('base64url');
      expect(reader.isOurChallenge(challenge, use, noon)).toBe(true);
      expect(reader.isOurChallenge(challenge, { ...use, userId: 'two' }, noon)).toBe(false);
      expect(reader.unseal('totp-key', signer.seal('totp-key', 'one KEY'))).toBe('one KEY');
    }
  });

  test('tries that are counted by one count for the other, and are no more than the limit together', async () => {
    const [first, second] = [await startProcess(behind), await startProcess(ahead)];
    const email = newEmail();
    const entry = (process: typeof first) => ({
      keys: process.limitKeys('password_email', [email]),
      rules: [{ limit: 5, windowSeconds: 900 }],
    });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => {
        const process = index % 2 ? first : second;
        return process.takeHits(database.db, [entry(process)], noon);
      }),
    );
    const taken = outcomes.filter((outcome) => outcome.ok);
    expect(taken).toHaveLength(5);
    expect((await second.peekHits(database.db, [entry(second)], noon)).count).toBe(0);
    for (const hit of taken) await hit.refund();
    expect((await first.peekHits(database.db, [entry(first)], noon)).count).toBe(5);
    await first.takeHits(database.db, [entry(first)], noon);
    await second.takeHits(database.db, [entry(second)], after(noon, 1));
    await second.takeHits(database.db, [entry(second)], after(noon, 2));
    expect((await first.peekHits(database.db, [entry(first)], after(noon, 3))).count).toBe(2);
    await second.forgetHits(database.db, second.limitKeys('password_email', [email]));
    expect((await first.peekHits(database.db, [entry(first)], after(noon, 3))).count).toBe(5);
  });

  test('whoever asked for codes by way of one is no stranger to themselves by way of the other', async () => {
    const phone = newPhone();
    for (const { signer, reader } of await pairs()) {
      const proveSends = [1, 2, 3].map((seconds) => after(noon, seconds));
      const mine = (process: typeof signer) => process.nameStranger(phone, 'me', '203.0.113.9');
      const acts = proveSends.map((at) => ({ act: 'send' as const, atMs: at.getTime(), ...mine(signer) }));
      const number = { proveSends, proveFailures: [], strangerActs: acts };
      const now = after(noon, 10);
      expect(reader.isUsedUpByOthers(number, { act: 'send', ...mine(reader) }, now)).toBe(false);
      expect(reader.readNetworkMoment(number, mine(reader), now)).toBeNull();
      const other = reader.nameStranger(phone, 'someone else', '203.0.113.9');
      expect(reader.isUsedUpByOthers(number, { act: 'send', ...other }, now)).toBe(true);
    }
  });

  test("what a person's texts cost by way of one counts for the cap of the other", async () => {
    for (const { signer, reader } of await pairs()) {
      await database.db.execute(sql`truncate sms_spend`);
      const payer = { userId: 'u', emailKey: newEmail(), emailProven: false };
      const person = { ...payer, phone: newPhone(), purpose: 'update' };
      const text = {
        ...person,
        sendClass: null as SendClass | null,
        network: null,
        wideNetwork: null,
        priceMicros: 7_900,
      };
      const budget = { perUserMicros: 10_000, totalMicros: 1e9 };
      const spent = signer.capsOf(text, budget, signer.secrets).map(({ scope }) => scope);
      await signer.changeSpend(database.db, [{ scopes: spent, reservedAt: noon, micros: 7_900n }]);
      const caps = reader.capsOf(text, budget, reader.secrets);
      const wanted = {
        messageId: '00000000-0000-4000-8000-000000000000',
        priceMicros: 7_900,
        segments: 1,
        caps,
      };
      const answers = await reader.reserveSpend(database.db, { texts: [wanted], lease: noon, now: noon });
      expect([...answers.values()]).toMatchObject([
        { ok: false, reason: 'budget', rule: 'SMS_DAILY_BUDGET_PER_USER_USD', spentMicros: 7_900n },
      ]);
      const [answer] = answers.values();
      expect(answer).toMatchObject({ retryAt: after(noon, 24 * 3600 + 60) });
    }
  });
});

test('the names of limits cannot be worked out from an email or an address without the secret', async () => {
  const [one, other] = [await startProcess(oldSecret), await startProcess(newSecret)];
  expect(one.limitKeys('sign_in', ['203.0.113.9'])).not.toEqual(other.limitKeys('sign_in', ['203.0.113.9']));
});
