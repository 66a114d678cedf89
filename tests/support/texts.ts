import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { users } from '@/db/schema/accounts';
import { phoneNumbers, smsMessages, smsPreferences } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { grantConsent } from '@/lib/consent/ledger';
import { parseEnv, type Env } from '@/lib/env';
import { openChallenge } from '@/lib/sms/verification/challenge';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { applySendPolicy, type PolicyAnswer } from '@/lib/sms/dispatch/send-policy';
import { lockNumber, takeSend } from '@/lib/sms/numbers/number';
import { enqueueText, type Message, type NewText } from '@/lib/sms/outbox/text-outbox';
import { createPreferences } from '@/lib/sms/preferences/preferences';

// What is asked of the process's own settings (keys, the public address) needs no database of its own.
process.env.AUTH_SECRET ??= 'a secret of at least 32 bytes for tests';
process.env.DATABASE_URL ??= 'postgres://localhost/unused';

export const accountSid = 'AC00000000000000000000000000000001';
export const authToken = 'token-for-tests-only';
export const fromPhone = '+15005550006';

/** Settings as a start with these variables would have them. */
export function makeEnv(databaseUrl: string, variables: Record<string, string> = {}): Env {
  const parsed = parseEnv({
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: process.env.AUTH_SECRET,
    LOG_LEVEL: 'error',
    ...variables,
  });
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.value;
}

/** The variables that send texts to a fake Twilio; without a limit on the pace unless one is given. */
export function twilioVariables(url: string): Record<string, string> {
  return {
    SMS_BACKEND: 'twilio',
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_FROM_PHONE: fromPhone,
    TWILIO_API_BASE_URL: url,
    SMS_MESSAGES_PER_SECOND: '1000',
    SMS_DAILY_BUDGET_USD: '1000',
  };
}

let phones = 0;

/** A valid number that no other test of this file has. */
export function nextPhone(): string {
  phones += 1;
  return `+1212${2_000_000 + phones}`;
}

export type Person = { userId: string; phone: string };

/** Someone with an account who agreed to everything, holds their number, and has no quiet hours. */
export async function makePerson(
  db: Db,
  {
    phone = nextPhone(),
    consent = true,
    verified = true,
    updates = true,
    quietHours = null,
    timeZone = null,
  }: {
    phone?: string;
    consent?: boolean;
    verified?: boolean;
    updates?: boolean;
    quietHours?: { start: string; end: string } | null;
    timeZone?: string | null;
  } = {},
): Promise<Person> {
  const userId = randomUUID();
  const now = new Date();
  await db.transaction(async (tx) => {
    await tx.insert(users).values({
      id: userId,
      email: `${userId}@example.com`,
      emailKey: `${userId}@example.com`,
      name: 'Person',
      passwordHash: '-',
      phone,
      createdAt: now,
      activatedAt: now,
      passwordChangedAt: now,
    });
    await createPreferences(tx, { userId, enabled: updates, timeZone, now });
    await tx
      .update(smsPreferences)
      .set({
        quietHoursEnabled: quietHours !== null,
        ...(quietHours ? { quietHoursStart: quietHours.start, quietHoursEnd: quietHours.end } : {}),
      })
      .where(eq(smsPreferences.userId, userId));
    if (consent) {
      await grantConsent(
        tx,
        { userId, phone, scopes: ['verification', 'updates'], medium: 'registration' },
        { now, address: '127.0.0.1', userAgent: null },
      );
    }
    await lockNumber(tx, phone);
    if (verified) {
      await tx.update(phoneNumbers).set({ holderUserId: userId }).where(eq(phoneNumbers.number, phone));
    }
  });
  return { userId, phone };
}

/** Asks for a code for a person as the code page does: a counted send, an open challenge, a text in the outbox. */
export async function askForCode(
  db: Db,
  { userId, phone }: Person,
  now = new Date(),
): Promise<{ messageId: string; challengeId: string; countedAt: Date }> {
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, phone);
    const send = await takeSend(tx, number, 'prove', now);
    if (!send.ok) throw new Error('No send is left for this number');
    const challenge = await openChallenge(tx, { userId, phone, purpose: 'prove', sendClass: 'prove', now });
    const text = await enqueueText(tx, {
      userId,
      phone,
      purpose: 'verification',
      template: 'verification',
      params: { host: 'localhost' },
      challengeId: challenge.id,
      countedAt: send.countedAt,
      sendClass: 'prove',
      sendAfter: now,
      expiresAt: challenge.expiresAt,
      now,
    });
    return { messageId: text!.id, challengeId: challenge.id, countedAt: send.countedAt };
  });
}

/** Puts an update for a person into the outbox. */
export async function askForUpdate(
  db: Db,
  { userId, phone }: Person,
  overrides: Partial<NewText> = {},
): Promise<string> {
  const now = overrides.now ?? new Date();
  const text = await enqueueText(db, {
    userId,
    phone,
    purpose: 'update',
    template: 'applicationStatus',
    params: { url: 'http://localhost' },
    sendAfter: now,
    now,
    ...overrides,
  } as NewText);
  if (text === null) throw new Error('The text exists already');
  return text.id;
}

/** What the send policy says of a text as things are in the database. */
export async function askPolicy(
  db: Db,
  { id }: Pick<Message, 'id'>,
  { now, env }: { now: Date; env: Env },
): Promise<PolicyAnswer> {
  return applySendPolicy((await readPolicyFacts(db, [id])).get(id)!, { now, env });
}

/** A text as it is now. */
export async function readText(db: Db, messageId: string): Promise<Message> {
  const [message] = await db.select().from(smsMessages).where(eq(smsMessages.id, messageId));
  if (!message) throw new Error('There is no such text');
  return message;
}

/** Waits until a row of the outbox fits, asking every few milliseconds; the error says the last state. */
export async function whenText(
  db: Db,
  messageId: string,
  fits: (message: Message) => boolean,
  timeoutMs = 15_000,
): Promise<Message> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const message = await readText(db, messageId);
    if (fits(message)) return message;
    if (Date.now() > deadline) {
      const { status, reason, attempts, unknownSince, sendAfter, errorCode } = message;
      throw new Error(
        `Still ${JSON.stringify({ status, reason, attempts, unknownSince, sendAfter, errorCode })}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** Resolves when no text is on its way or due, by a clock that is so far ahead. */
export async function whenQuiet(db: Db, clockOffsetMs: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { rows } = await db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from sms_messages
      where status = 'sending' or status = 'queued'
        and send_after <= clock_timestamp() + ${clockOffsetMs}::float8 * interval '1 millisecond'`);
    if (rows[0]!.waiting === 0) return;
    if (Date.now() > deadline) throw new Error(`${rows[0]!.waiting} texts still wait`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
