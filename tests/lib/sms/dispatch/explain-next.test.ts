import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { phoneNumbers, smsMessages, smsPreferences } from '@/db/schema/sms';
import { withdrawConsent } from '@/lib/consent/ledger';
import { explainNext, type NextKind } from '@/lib/sms/dispatch/explain-next';
import { explainWaiting, type Gate } from '@/lib/sms/dispatch/explain-text';
import { lockNumber, markSuppressed, markUndeliverable, takeSend } from '@/lib/sms/numbers/number';
import { giveOrder, prefixScope } from '@/lib/sms/pumping/orders';
import { requestCode } from '@/lib/sms/verification/request';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt } from '@/tests/support/people';
import { askForUpdate, makeEnv, makePerson, type Person } from '@/tests/support/texts';

const database = useDatabase();
const now = new Date('2026-07-01T16:00:00Z');
const night = new Date('2026-07-02T03:00:00Z');
const kinds: readonly NextKind[] = ['code', 'news', 'reminder', 'notice'];

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_spend, sms_senders`);
});

async function explain(person: Person, at = now): Promise<Record<NextKind, Gate[]>> {
  const env = makeEnv(database.url);
  const texts = await explainNext(database.db, person, kinds, { env, now: at });
  return Object.fromEntries(texts.map(({ kind, gates }) => [kind, gates])) as Record<NextKind, Gate[]>;
}

const saysNo = ({ answer }: Gate) => answer === 'hold' || answer === 'refuse';

describe('the next text', () => {
  const faults: [string, (person: Person) => Promise<unknown>][] = [
    ['nothing', async () => undefined],
    [
      'a STOP',
      ({ phone }) => database.db.transaction((tx) => markSuppressed(tx, { phone, by: 'sms_stop', now })),
    ],
    ['a landline', ({ phone }) => database.db.transaction((tx) => markUndeliverable(tx, { phone, at: now }))],
    [
      'no consent',
      ({ userId, phone }) =>
        database.db.transaction((tx) =>
          withdrawConsent(
            tx,
            { userId, phone, scopes: ['verification', 'updates'], medium: 'preferences' },
            now,
          ),
        ),
    ],
    [
      'a number that is lost',
      ({ phone }) =>
        database.db.update(phoneNumbers).set({ holderUserId: null }).where(eq(phoneNumbers.number, phone)),
    ],
    [
      'one kind turned off',
      ({ userId }) =>
        database.db.update(smsPreferences).set({ reminders: false }).where(eq(smsPreferences.userId, userId)),
    ],
    [
      'an account that is shut',
      ({ userId }) => database.db.update(users).set({ deactivatedAt: now }).where(eq(users.id, userId)),
    ],
  ];

  test.each(faults)('with %s is explained as one that was just written down', async (_, bring) => {
    for (const at of [now, night]) {
      const person = await makePerson(database.db, { quietHours: { start: '20:00', end: '09:00' } });
      await bring(person);
      const next = await explain(person, at);
      const written = {
        news: await askForUpdate(database.db, person, { now: at, sendAfter: at }),
        reminder: await askForUpdate(database.db, person, {
          ...{ now: at, sendAfter: at, template: 'documentsReminder' },
        }),
        notice: await askForUpdate(database.db, person, {
          ...{ now: at, sendAfter: at, purpose: 'notice', template: 'securityNotice' },
          params: { event: 'New sign-in', url: 'http://localhost' },
        }),
      };
      for (const kind of ['news', 'reminder', 'notice'] as const) {
        const real = await explainWaiting(database.db, written[kind], {
          env: makeEnv(database.url),
          now: at,
        });
        const names = new Set(next[kind].map(({ gate }) => gate));
        const asked = real.filter(({ gate }) => names.has(gate));
        expect(next[kind].map(({ gate, answer, passesAt }) => [gate, answer, passesAt])).toEqual(
          asked.map(({ gate, answer, passesAt }) => [gate, answer, passesAt]),
        );
        expect(next[kind].find(saysNo)?.gate).toEqual(real.find(saysNo)?.gate);
      }
    }
  });

  test('of someone whom nothing keeps from it would go out, and nothing is written', async () => {
    const person = await makePerson(database.db);
    let next = {} as Record<NextKind, Gate[]>;
    const statements = await recordStatements(database.pool, async () => (next = await explain(person)));
    for (const kind of kinds) expect(next[kind].filter(saysNo)).toEqual([]);
    for (const statement of statements) expect(statement).toMatch(/^\s*(with|select)/);
    const { rows } = await database.db.execute(
      sql`select from sms_messages where user_id = ${person.userId}`,
    );
    expect(rows).toEqual([]);
    expect(next.code[0]).toMatchObject({
      gate: 'request',
      details: { limit: '3 in 1 h, 10 in 24 h', remaining: 3 },
    });
  });
});

test('the next code to a range that is blocked is held back until its end, and a holder gets theirs', async () => {
  const [stranger, holder] = [
    await makePerson(database.db, { verified: false, phone: '+12124440001' }),
    await makePerson(database.db, { phone: '+12124440002' }),
  ];
  const order = {
    kind: 'blocked',
    scope: prefixScope('+1212444'),
    lastDigits: null,
    reason: 'pumped',
  } as const;
  await database.db.transaction((tx) =>
    giveOrder(tx, { ...order, endsAt: after(now, 3600), adminId: holder.userId }, now),
  );
  expect((await explain(stranger)).code[0]).toMatchObject({
    gate: 'request',
    answer: 'hold',
    reason: 'range_closed',
    passesAt: after(now, 3600),
  });
  expect((await explain(holder)).code[0]).toMatchObject({ gate: 'request', answer: 'pass' });
});

describe('the next code is refused as a request for it would be', () => {
  const request = (person: Person, at: Date) =>
    database.db.transaction(async (tx) =>
      requestCode(
        tx,
        {
          userId: person.userId,
          purpose: 'prove',
          number: await lockNumber(tx, person.phone),
          network: null,
        },
        contextAt(at),
      ),
    );
  const fail = (person: Person, column: string, times: number) =>
    database.db.execute(sql`
      update phone_numbers set ${sql.identifier(column)} = array_fill(${now.toISOString()}::timestamptz, array[${times}::int])
      where number = ${person.phone}`);

  const faults: [string, (person: Person) => Promise<unknown>][] = [
    ['one was just asked for', (person) => request(person, after(now, -10))],
    [
      'the hour is used up',
      (person) =>
        database.db.transaction(async (tx) => {
          for (const seconds of [-1800, -1500, -1200]) {
            const number = await lockNumber(tx, person.phone);
            await takeSend(tx, number, 'prove_again', after(now, seconds));
          }
        }),
    ],
    ['too many codes were wrong', (person) => fail(person, 'prove_again_failures', 15)],
    [
      'the carrier takes none',
      ({ phone }) => database.db.transaction((tx) => markUndeliverable(tx, { phone, at: now })),
    ],
    [
      'it opted out',
      ({ phone }) => database.db.transaction((tx) => markSuppressed(tx, { phone, by: 'sms_stop', now })),
    ],
  ];

  test.each(faults)('where %s', async (_, bring) => {
    const person = await makePerson(database.db);
    await bring(person);
    const [first] = (await explain(person)).code;
    const refused = await request(person, now);
    if (refused.ok) throw new Error('It was not refused');
    const { reason, retryAt } = refused;
    expect(first).toMatchObject({ gate: 'request', reason, passesAt: retryAt });
    expect(first!.answer).toBe(retryAt === null ? 'refuse' : 'hold');
    if (retryAt === null || reason === 'undeliverable') return;
    const later = (await explain(person, retryAt)).code;
    expect(later[0]).toMatchObject({ gate: 'request', answer: 'pass' });
  });

  test('what strangers used up keeps the holder from nothing, and the other way round', async () => {
    const person = await makePerson(database.db);
    await fail(person, 'failures', 15);
    expect((await explain(person)).code[0]).toMatchObject({ answer: 'pass' });
    const stranger = await makePerson(database.db, { verified: false });
    const other = { ...stranger, phone: person.phone };
    expect((await explain(other)).code[0]).toMatchObject({ answer: 'hold', reason: 'number_locked' });
    await database.db.delete(smsMessages);
  });
});
