import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { phoneNumbers, smsMessages, smsPreferences, smsVerifications } from '@/db/schema/sms';
import { withdrawConsent } from '@/lib/consent/ledger';
import { reserveSpend } from '@/lib/sms/capacity/budget';
import { stopSender } from '@/lib/sms/capacity/send-rate';
import { explainEnd, explainWaiting, type Gate } from '@/lib/sms/dispatch/explain-text';
import { renderBody } from '@/lib/sms/dispatch/render-body';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { wantSpend } from '@/lib/sms/dispatch/want-spend';
import { readOpenCode } from '@/lib/sms/verification/challenge';
import { markSuppressed, markUndeliverable } from '@/lib/sms/numbers/number';
import { recordStatements, useDatabase } from '../../../support/database';
import {
  askForCode,
  askForUpdate,
  askPolicy,
  makeEnv,
  makePerson,
  type Person,
} from '../../../support/texts';

const database = useDatabase();
const now = new Date('2026-07-01T16:00:00Z');
const night = new Date('2026-07-02T03:00:00Z');

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_spend, sms_senders`);
});

function explain(id: string, { at = now, variables = {} as Record<string, string> } = {}): Promise<Gate[]> {
  return explainWaiting(database.db, id, { env: makeEnv(database.url, variables), now: at });
}

const saysNo = ({ answer }: Gate) => answer === 'hold' || answer === 'refuse';
const findGate = (gates: readonly Gate[], name: Gate['gate']) => gates.find(({ gate }) => gate === name);

describe('a text that waits', () => {
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
      'texts turned off',
      ({ userId }) =>
        database.db.update(smsPreferences).set({ enabled: false }).where(eq(smsPreferences.userId, userId)),
    ],
    [
      'an account that is shut',
      ({ userId }) => database.db.update(users).set({ deactivatedAt: now }).where(eq(users.id, userId)),
    ],
    [
      'a challenge that is over',
      ({ userId }) =>
        database.db.update(smsVerifications).set({ endedAt: now }).where(eq(smsVerifications.userId, userId)),
    ],
  ];

  test.each(faults)('with %s is explained as the dispatcher would decide', async (_, bring) => {
    for (const at of [now, night]) {
      const person = await makePerson(database.db, { quietHours: { start: '20:00', end: '09:00' } });
      const { messageId } = await askForCode(database.db, person, at);
      const ids = [messageId, await askForUpdate(database.db, person, { now: at, sendAfter: at })];
      await bring(person);
      for (const id of ids) {
        const answer = await askPolicy(database.db, { id }, { now: at, env: makeEnv(database.url) });
        const first = (await explain(id, { at })).find(saysNo);
        if (answer.answer === 'send') expect(first).toBeUndefined();
        else {
          const { reason, details } = answer;
          expect(first).toMatchObject({ answer: answer.answer, reason, details });
          if (answer.answer === 'hold') expect(first!.passesAt).toEqual(answer.until);
        }
      }
    }
  });

  test('is asked by every rule, also after one that says no, and nothing is written', async () => {
    const person = await makePerson(database.db, { consent: false, updates: false, verified: false });
    const id = await askForUpdate(database.db, person, { now, sendAfter: now });
    let gates: Gate[] = [];
    const statements = await recordStatements(database.pool, async () => (gates = await explain(id)));
    expect(gates.filter(saysNo).map(({ gate }) => gate)).toEqual(['consent', 'holder', 'wish']);
    expect(statements.length).toBeLessThanOrEqual(3);
    for (const statement of statements) expect(statement).toMatch(/^\s*select/);
  });

  test('whose call was not answered may have gone out, also where its moments are none', async () => {
    const person = await makePerson(database.db);
    const id = await askForUpdate(database.db, person, { now, sendAfter: now });
    const since = new Date(now.getTime() - 30_000);
    const called = { status: 'sending', attempts: 1, lookUps: 2, unknownSince: since } as const;
    await database.db.update(smsMessages).set(called).where(eq(smsMessages.id, id));
    const details = { since: since.toISOString(), lookUps: 2, askedAt: now.toISOString() };
    const [first, ...rest] = await explain(id);
    expect(first).toEqual({ gate: 'outcome', answer: 'hold', reason: null, details, passesAt: null });
    expect(rest.filter(saysNo)).toEqual([]);
    await database.db.execute(
      sql`update sms_messages set unknown_since = 'infinity', send_after = 'infinity' where id = ${id}`,
    );
    const odd = await explain(id);
    expect(odd[0]!.details).toEqual({ since: null, lookUps: 2, askedAt: null });
    expect(findGate(odd, 'due')).toMatchObject({ answer: 'hold', passesAt: null });
  });

  test('to a number that opted out at no moment at all is refused nonetheless', async () => {
    const person = await makePerson(database.db);
    const id = await askForUpdate(database.db, person, { now, sendAfter: now });
    await database.db.transaction((tx) => markSuppressed(tx, { phone: person.phone, by: 'sms_stop', now }));
    await database.pool.query(`update phone_numbers set suppressed_at = 'infinity' where number = $1`, [
      person.phone,
    ]);
    const answer = await askPolicy(database.db, { id }, { now, env: makeEnv(database.url) });
    expect(answer).toMatchObject({ answer: 'refuse', reason: 'stopped', details: { since: null } });
    expect(findGate(await explain(id), 'opt_out')).toMatchObject({ answer: 'refuse' });
  });

  test('never tells its code, and says how many more its number may get', async () => {
    const person = await makePerson(database.db);
    const { messageId, challengeId } = await askForCode(database.db, person, now);
    const { code } = (await readOpenCode(database.db, challengeId, now))!;
    const gates = await explain(messageId);
    expect(JSON.stringify(gates)).not.toContain(code);
    expect(findGate(gates, 'number_limit')).toMatchObject({
      answer: 'pass',
      details: { limit: '3 in 1 h, 10 in 24 h', remaining: 2 },
    });
  });

  test('says how much of each cap is spent, and when a full one has room', async () => {
    const person = await makePerson(database.db);
    const id = await askForUpdate(database.db, person, { now, sendAfter: now });
    const variables = { SMS_DAILY_BUDGET_USD: '1', SMS_PRICE_PER_SEGMENT_USD: '0.01' };
    const spend = (minutesAgo: number, micros: number) =>
      database.db.execute(sql`insert into sms_spend (scope, minute, micros)
        values ('all', ${new Date(now.getTime() - minutesAgo * 60_000).toISOString()}::timestamptz, ${micros})`);
    await spend(60, 700_000);
    expect(findGate(await explain(id, { variables }), 'share_of_updates')).toMatchObject({
      answer: 'pass',
      details: { spentMicros: '700000', limitMicros: '800000' },
    });
    await spend(30, 100_000);
    expect(findGate(await explain(id, { variables }), 'share_of_updates')).toEqual({
      gate: 'share_of_updates',
      answer: 'hold',
      reason: 'budget',
      details: { spentMicros: '800000', limitMicros: '800000', priceMicros: expect.any(String) },
      passesAt: new Date(now.getTime() + 23 * 3_600_000 + 60_000),
    });
    await spend(20, 100_000);
    const { messageId } = await askForCode(database.db, person, now);
    expect(findGate(await explain(messageId, { variables }), 'all_but_kept')).toMatchObject({
      answer: 'refuse',
      reason: 'budget',
    });
  });

  test('that is being sent counts its own price once: the reserved one is not what it lacks', async () => {
    const person = await makePerson(database.db);
    const { messageId: id } = await askForCode(database.db, person, now);
    const variables = { SMS_DAILY_BUDGET_PER_USER_USD: '0.01', SMS_PRICE_PER_SEGMENT_USD: '0.01' };
    const cap = 'SMS_DAILY_BUDGET_PER_USER_USD';
    const alone = findGate(await explain(id, { variables }), cap);
    expect(alone).toMatchObject({ answer: 'pass', details: { spentMicros: '0', priceMicros: '10000' } });
    const lease = new Date(now.getTime() + 12_000);
    await database.db
      .update(smsMessages)
      .set({ status: 'sending', leaseUntil: lease })
      .where(eq(smsMessages.id, id));
    const facts = (await readPolicyFacts(database.db, [id])).get(id)!;
    const env = makeEnv(database.url, variables);
    const texts = [wantSpend(facts, renderBody(facts, now), env)];
    const answers = await reserveSpend(database.db, { texts, lease, now });
    expect(answers.get(id)).toEqual({ ok: true });
    // Also in a later hour, and never below nothing.
    for (const at of [now, new Date(now.getTime() + 5 * 60_000)]) {
      expect(findGate(await explain(id, { variables, at }), cap)).toEqual(alone);
    }
    // What others spent is counted as before, and only that has to leave.
    const earlier = new Date(now.getTime() - 3_600_000).toISOString();
    await database.db.execute(sql`
      insert into sms_spend (scope, minute, micros)
      select scope, ${earlier}::timestamptz, 1 from unnest(${sql.param(texts[0]!.caps.map(({ scope }) => scope))}::text[]) scope
      group by scope`);
    expect(findGate(await explain(id, { variables }), cap)).toMatchObject({
      answer: 'refuse',
      details: { spentMicros: '1' },
    });
  });

  test('says until when the sender rests, and that it is not due', async () => {
    const person = await makePerson(database.db);
    const sendAfter = new Date(now.getTime() + 60_000);
    const id = await askForUpdate(database.db, person, { now, sendAfter });
    const until = new Date(Date.now() + 600_000);
    await stopSender(database.db, { sender: 'console', until, reason: 'provider_authentication' });
    const gates = await explain(id);
    expect(findGate(gates, 'sender')).toMatchObject({
      answer: 'hold',
      reason: 'provider_authentication',
      passesAt: until,
    });
    expect(findGate(gates, 'due')).toMatchObject({ answer: 'hold', passesAt: sendAfter });
  });

  test('that nobody can write says so', async () => {
    const person = await makePerson(database.db);
    const id = await askForUpdate(database.db, person, { now, sendAfter: now });
    await database.db.update(smsMessages).set({ template: 'of_old' }).where(eq(smsMessages.id, id));
    expect((await explain(id)).find(saysNo)).toMatchObject({ gate: 'body', answer: 'refuse' });
  });
});

describe('a text that ended', () => {
  const end = (reason: string | null, overrides: Partial<Parameters<typeof explainEnd>[0]> = {}) =>
    explainEnd({ status: 'failed', reason, details: null, errorCode: null, ...overrides });

  test.each([
    ['stopped', 'opt_out'],
    ['no_consent', 'consent'],
    ['out_of_service', 'fresh_proof'],
    ['dead_number', 'fresh_proof'],
    ['quiet_hours', 'quiet_hours'],
    ['landline', 'number'],
    ['budget', 'network_share'],
    ['handset_unreachable', 'provider'],
    ['internal_error', 'body'],
    ['a_name_of_old', 'provider'],
    ['constructor', 'provider'],
    [null, 'provider'],
  ] as const)(
    'for %s ended at its gate: those before let it pass, those after were not reached',
    (reason, gate) => {
      const details = { rule: 'network_share' };
      const gates = end(reason, { details })!;
      const place = gates.findIndex((each) => each.gate === gate);
      expect(gates[place]).toEqual({ gate, answer: 'refuse', reason, details, passesAt: null });
      expect(new Set(gates.slice(0, place).map(({ answer }) => answer)).has('not_reached')).toBe(false);
      expect(gates.slice(place + 1).every(({ answer }) => answer === 'not_reached')).toBe(true);
    },
  );

  test('because it was withdrawn says why, and one that arrived has nothing to explain', () => {
    expect(end('superseded', { status: 'canceled' })).toMatchObject([
      { gate: 'withdrawn', reason: 'superseded' },
    ]);
    expect(end('challenge_closed', { status: 'canceled' })!.find(saysNo)).toMatchObject({
      gate: 'challenge',
    });
    for (const status of ['sent', 'delivered', 'received'] as const) expect(end(null, { status })).toBeNull();
  });
});
