import { sql } from 'drizzle-orm';
import { afterEach, expect, test, vi } from 'vitest';
import { deleteUser } from '@/lib/accounts/users';
import { register } from '@/lib/auth/registration/register';
import { openConsole } from '@/lib/sms/provider/console';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { anonymizeTexts } from '@/lib/sms/outbox/erase-texts';
import { useDatabase } from '../../../support/database';
import { readToken } from '../../../support/mails';
import { contextAt, newEmail, newPhone } from '../../../support/people';
import { makeEnv } from '../../../support/texts';

// What is tested is the cap, not how long a password takes to hash.
vi.mock('@/lib/accounts/password', async (original) => ({
  ...(await original<object>()),
  hashPassword: async () => ({ ok: true, value: 'v1$no-password-has-this-hash' }),
}));

const database = useDatabase();
const printed: string[] = [];
let dispatcher: { stop(): Promise<void> };

afterEach(() => dispatcher.stop());

/** By which each email may be registered again while its verification is not finished. */
const pendingTokens = new Map<string, string>();

/** Registers with this email and waits until the code has gone out or has been refused. Out: why it was refused. */
async function registerAndWait(email: string, claim: string | null = null): Promise<string | null> {
  const phone = newPhone();
  const answer = await register(
    database.db,
    {
      email,
      name: 'Test Person',
      password: 'correct horse battery staple',
      phone,
      smsOptIn: false,
      verifyPhone: true,
      tcpaConsent: true,
      timeZone: null,
    },
    contextAt(new Date()),
    { pendingToken: pendingTokens.get(email) ?? null, claim },
  );
  if (!answer.ok || answer.next !== 'verify') throw new Error('Not to be verified');
  pendingTokens.set(email, answer.pendingToken);
  let reason: string | null = null;
  await vi.waitFor(async () => {
    const { rows } = await database.db.execute<{ status: string; reason: string | null }>(
      sql`select status, reason from sms_messages where phone = ${phone}`,
    );
    expect(['sent', 'failed']).toContain(rows[0]?.status);
    reason = rows[0]!.reason;
  }, 30_000);
  return reason;
}

test('a pending email that is registered again, and one whose account was deleted, start no new cap', async () => {
  const env = makeEnv(database.url, {
    SMS_DAILY_BUDGET_PER_USER_USD: '0.0079',
    SMS_DAILY_BUDGET_USD: '1000',
  });
  const provider = openConsole((line) => printed.push(line));
  dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined });
  const email = newEmail();
  expect(await registerAndWait(email)).toBeNull();
  for (let again = 0; again < 3; again += 1) expect(await registerAndWait(email)).toBe('budget');
  const { rows } = await database.db.execute<{ id: string }>(
    sql`select id from users where email = ${email}`,
  );
  await database.db.transaction(async (tx) => {
    await anonymizeTexts(tx, rows[0]!.id);
    await deleteUser(tx, rows[0]!.id);
  });
  expect(await registerAndWait(email)).toBe('budget');
  // In another spelling it is the same email.
  pendingTokens.set(email.toUpperCase(), pendingTokens.get(email)!);
  expect(await registerAndWait(email.toUpperCase())).toBe('budget');
  expect(printed).toHaveLength(1);
  expect(await registerAndWait(newEmail())).toBeNull();
});

test('a stranger who registers an email first spends nothing of what its owner has', async () => {
  const env = makeEnv(database.url, {
    SMS_DAILY_BUDGET_PER_USER_USD: '0.0079',
    SMS_DAILY_BUDGET_USD: '1000',
  });
  const provider = openConsole(() => undefined);
  dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined });
  const email = newEmail();
  expect(await registerAndWait(email)).toBeNull();
  expect(await registerAndWait(email)).toBe('budget');
  pendingTokens.delete(email);
  await expect(registerAndWait(email)).rejects.toThrow('Not to be verified');
  expect(await registerAndWait(email, await readToken(database.db, email))).toBeNull();
});
