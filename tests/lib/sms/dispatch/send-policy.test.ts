import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { phoneNumbers, smsPreferences, smsVerifications } from '@/db/schema/sms';
import { withdrawConsent } from '@/lib/consent/ledger';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { type PolicyAnswer } from '@/lib/sms/dispatch/send-policy';
import { bodyMatcher, renderBody } from '@/lib/sms/dispatch/render-body';
import { markSuppressed, markUndeliverable } from '@/lib/sms/numbers/number';
import { useDatabase } from '../../../support/database';
import {
  askPolicy,
  askForCode,
  askForUpdate,
  makeEnv,
  makePerson,
  readText,
  type Person,
} from '../../../support/texts';

const database = useDatabase();
const noonInNewYork = new Date('2026-07-01T16:00:00Z');
const nightInNewYork = new Date('2026-07-02T03:00:00Z');

async function ask(
  messageId: string,
  { now = noonInNewYork, variables = {} }: { now?: Date; variables?: Record<string, string> } = {},
): Promise<PolicyAnswer> {
  return askPolicy(database.db, await readText(database.db, messageId), {
    now,
    env: makeEnv(database.url, variables),
  });
}

async function change(
  person: Person,
  event: 'stopped' | 'undeliverable' | 'withdrawn' | 'lost' | 'out_of_service' | 'dead' | 'turned_off',
) {
  const { userId, phone } = person;
  const now = noonInNewYork;
  await database.db.transaction(async (tx) => {
    if (event === 'stopped') await markSuppressed(tx, { phone, by: 'sms_stop', now });
    if (event === 'undeliverable') await markUndeliverable(tx, { phone, at: now });
    if (event === 'withdrawn') {
      await withdrawConsent(
        tx,
        { userId, phone, scopes: ['verification', 'updates'], medium: 'preferences' },
        now,
      );
    }
    if (event === 'lost') {
      await tx.update(phoneNumbers).set({ holderUserId: null }).where(eq(phoneNumbers.number, phone));
    }
    if (event === 'out_of_service' || event === 'dead') {
      const doubt = event === 'dead' ? { deadTexts: [now, now, now] } : { outOfServiceOn: '2026-06-30' };
      await tx.update(phoneNumbers).set(doubt).where(eq(phoneNumbers.number, phone));
    }
    if (event === 'turned_off') {
      await tx.update(smsPreferences).set({ enabled: false }).where(eq(smsPreferences.userId, userId));
    }
  });
}

describe('a code', () => {
  test('passes by night too, with the provider told how long it is worth anything', async () => {
    const person = await makePerson(database.db, {
      quietHours: { start: '20:00', end: '09:00' },
      verified: false,
    });
    const { messageId } = await askForCode(database.db, person, nightInNewYork);
    const answer = await ask(messageId, { now: new Date(nightInNewYork.getTime() + 60_400) });
    expect(answer).toMatchObject({ answer: 'send', validitySeconds: 539 });
    expect(answer.answer === 'send' && answer.body).toMatch(
      /^\d{6} is your Doorstep code. It expires in 9 minutes/,
    );
  });

  test.each([
    ['stopped', 'stopped'],
    ['undeliverable', 'undeliverable'],
    ['withdrawn', 'no_consent'],
  ] as const)('is refused after its number was %s', async (event, reason) => {
    const person = await makePerson(database.db);
    const { messageId } = await askForCode(database.db, person, noonInNewYork);
    await change(person, event);
    expect(await ask(messageId)).toMatchObject({ answer: 'refuse', status: 'failed', reason });
  });

  test.each(['lost', 'out_of_service', 'dead', 'turned_off'] as const)(
    'is not refused when the number is %s',
    async (event) => {
      const person = await makePerson(database.db);
      const { messageId } = await askForCode(database.db, person, noonInNewYork);
      await change(person, event);
      expect(await ask(messageId)).toMatchObject({ answer: 'send' });
    },
  );

  test('whose challenge was used, ended or replaced is withdrawn', async () => {
    const person = await makePerson(database.db);
    const { messageId, challengeId } = await askForCode(database.db, person, noonInNewYork);
    await database.db
      .update(smsVerifications)
      .set({ consumedAt: noonInNewYork })
      .where(eq(smsVerifications.id, challengeId));
    expect(await ask(messageId)).toMatchObject({
      answer: 'refuse',
      status: 'canceled',
      reason: 'challenge_closed',
    });
  });

  test('is sent with 10 seconds of life left and not with less', async () => {
    const { messageId } = await askForCode(database.db, await makePerson(database.db), noonInNewYork);
    const at = (ms: number) => new Date(noonInNewYork.getTime() + ms);
    expect(await ask(messageId, { now: at(590_000) })).toMatchObject({ answer: 'send', validitySeconds: 10 });
    expect(await ask(messageId, { now: at(590_001) })).toMatchObject({ answer: 'refuse', reason: 'expired' });
  });
});

describe('an update', () => {
  test('passes by day with consent, a verified phone and the wish for it', async () => {
    const person = await makePerson(database.db, {
      quietHours: { start: '20:00', end: '09:00' },
      timeZone: 'America/New_York',
    });
    const messageId = await askForUpdate(database.db, person);
    expect(await ask(messageId)).toMatchObject({ answer: 'send' });
  });

  describe('may be held by the provider', () => {
    const quietHours = { start: '20:00', end: '09:00' };
    const at = (iso: string) => new Date(`2026-07-01T${iso}Z`);

    test.each([
      ['by day, until the person’s quiet hours begin', '20:00:00', 4 * 3600],
      ['ten seconds before them, as long as that', '23:59:50', 10],
      ['in the morning, for the ten hours that Twilio knows', '13:00:00', 36_000],
    ])('%s', async (_, time, validitySeconds) => {
      const person = await makePerson(database.db, { quietHours, timeZone: 'America/New_York' });
      const messageId = await askForUpdate(database.db, person);
      expect(await ask(messageId, { now: at(time) })).toMatchObject({ answer: 'send', validitySeconds });
    });

    test('until the quiet hours begin in the first of the zones it may be in', async () => {
      const person = await makePerson(database.db, { quietHours, phone: '+12702000001' });
      const messageId = await askForUpdate(database.db, person);
      // Kentucky's 270: New York or Chicago.
      expect(await ask(messageId, { now: at('23:00:00') })).toMatchObject({ validitySeconds: 3600 });
    });

    test('no longer than it is worth anything itself', async () => {
      const person = await makePerson(database.db, { quietHours, timeZone: 'America/New_York' });
      const messageId = await askForUpdate(database.db, person, { expiresAt: at('20:05:00') });
      expect(await ask(messageId, { now: at('20:00:00') })).toMatchObject({ validitySeconds: 300 });
    });

    test('as long as it likes where there are no quiet hours', async () => {
      const messageId = await askForUpdate(database.db, await makePerson(database.db));
      expect(await ask(messageId)).toMatchObject({ answer: 'send', validitySeconds: null });
    });

    test('not at all in the last ten seconds: then it waits for the end of the quiet hours', async () => {
      const person = await makePerson(database.db, { quietHours, timeZone: 'America/New_York' });
      const messageId = await askForUpdate(database.db, person);
      expect(await ask(messageId, { now: at('23:59:50.001') })).toMatchObject({
        answer: 'hold',
        reason: 'quiet_hours',
        until: new Date('2026-07-02T13:00:00Z'),
      });
    });
  });

  test.each([
    ['stopped', 'stopped'],
    ['undeliverable', 'undeliverable'],
    ['withdrawn', 'no_consent'],
    ['lost', 'not_verified'],
    ['out_of_service', 'out_of_service'],
    ['dead', 'dead_number'],
    ['turned_off', 'turned_off'],
  ] as const)('is refused when the number or the wish is %s', async (event, reason) => {
    const person = await makePerson(database.db);
    const messageId = await askForUpdate(database.db, person);
    await change(person, event);
    expect(await ask(messageId)).toMatchObject({ answer: 'refuse', status: 'failed', reason });
  });

  test('says since when its number is in doubt', async () => {
    const person = await makePerson(database.db);
    const messageId = await askForUpdate(database.db, person);
    await change(person, 'dead');
    expect(await ask(messageId)).toMatchObject({ details: { since: noonInNewYork.toISOString() } });
    await database.pool
      .query(`update phone_numbers set dead_texts = array_fill('infinity'::timestamptz, array[3])
      where number = '${person.phone}'`);
    expect(await ask(messageId)).toMatchObject({ reason: 'dead_number', details: null });
    await change(person, 'out_of_service');
    expect(await ask(messageId)).toMatchObject({ details: { on: '2026-06-30' } });
  });

  test('consent given by one account for a number is none for another account with the same number', async () => {
    const person = await makePerson(database.db);
    const other = await makePerson(database.db, { phone: person.phone, consent: false });
    const messageId = await askForUpdate(database.db, other);
    expect(await ask(messageId)).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
  });

  test('is held in the night until the window ends in the person’s own zone', async () => {
    const person = await makePerson(database.db, {
      quietHours: { start: '20:00', end: '09:00' },
      timeZone: 'America/New_York',
    });
    const messageId = await askForUpdate(database.db, person);
    expect(await ask(messageId, { now: nightInNewYork })).toMatchObject({
      answer: 'hold',
      reason: 'quiet_hours',
      until: new Date('2026-07-02T13:00:00Z'),
      suitsAll: true,
    });
  });

  test('of someone without a zone waits until the window has ended wherever the number may be', async () => {
    const person = await makePerson(database.db, {
      phone: '+12085550123',
      quietHours: { start: '20:00', end: '09:00' },
    });
    const messageId = await askForUpdate(database.db, person);
    const until = new Date('2026-07-02T16:00:00Z');
    expect(await ask(messageId, { now: nightInNewYork })).toMatchObject({ answer: 'hold', until });
  });
});

describe('where texts may go', () => {
  test.each<[string, Record<string, string>, string | null]>([
    ['+447400123456', {}, 'country_not_served'],
    ['+447400123456', { SMS_COUNTRIES: 'US,GB' }, null],
    ['+12423271234', {}, 'country_not_served'],
    ['+14165550123', {}, null],
    ['+14165550123', { SMS_COUNTRIES: 'US' }, 'country_not_served'],
  ])('%s with %j: %s', async (phone, variables, reason) => {
    const messageId = await askForUpdate(database.db, await makePerson(database.db, { phone }));
    const answer = await ask(messageId, { variables });
    if (reason === null) expect(answer.answer).toBe('send');
    else {
      expect(answer).toMatchObject({
        answer: 'refuse',
        reason,
        details: { rule: 'SMS_COUNTRIES', limit: variables.SMS_COUNTRIES ?? 'US,CA' },
      });
    }
  });

  test.each([
    ['+18005551234', 'toll_free'],
    ['+19005551234', 'premium'],
    ['+15005551234', 'not_mobile'],
    ['+15335551234', 'not_mobile'],
    ['+442079460958', 'landline'],
    ['+447011234567', 'not_mobile'],
  ])(
    'a number of a kind that is not texted gets nothing, however it came to be stored: %s',
    async (phone, reason) => {
      const person = await makePerson(database.db, { phone });
      const { messageId } = await askForCode(database.db, person, noonInNewYork);
      for (const text of [messageId, await askForUpdate(database.db, person)]) {
        expect(await ask(text, { variables: { SMS_COUNTRIES: 'US,CA,GB' } })).toMatchObject({
          answer: 'refuse',
          status: 'failed',
          reason,
          details: { rule: 'kind_of_number', limit: 'MOBILE,FIXED_LINE_OR_MOBILE', value: reason },
        });
      }
    },
  );

  test('fictional numbers are for the console backend alone', async () => {
    const messageId = await askForUpdate(
      database.db,
      await makePerson(database.db, { phone: '+15551234567' }),
    );
    expect(await ask(messageId)).toMatchObject({ answer: 'send' });
    const twilio = {
      TWILIO_ACCOUNT_SID: 'AC0',
      TWILIO_AUTH_TOKEN: 'x',
      TWILIO_FROM_PHONE: '+15005550006',
    };
    expect(await ask(messageId, { variables: twilio })).toMatchObject({
      answer: 'refuse',
      reason: 'not_valid',
    });
  });
});

describe('bodyMatcher', () => {
  test('knows a code text again by the minutes it named, with or without words that the provider put in front', async () => {
    const { messageId } = await askForCode(database.db, await makePerson(database.db), noonInNewYork);
    const facts = (await readPolicyFacts(database.db, [messageId])).get(messageId)!;
    const renderedAt = new Date(noonInNewYork.getTime() + 100_000);
    const body = renderBody(facts, renderedAt)!;
    const later = new Date(renderedAt.getTime() + 200_000);
    const matches = bodyMatcher(facts, { renderedAt, now: later });
    expect(matches(body)).toBe(true);
    expect(matches(`Sent from your Twilio trial account - ${body}\n`)).toBe(true);
    expect(matches(body.replace(/\d{6}/g, '000000'))).toBe(false);
    const closed = bodyMatcher(facts, {
      renderedAt,
      now: new Date(later.getTime() + 900_000),
    });
    expect(closed(body)).toBe(true);
    expect(closed('Doorstep: something else')).toBe(false);
  });
});
