import { randomUUID } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog, loginGrants, sessions } from '@/db/schema/accounts';
import {
  phoneNumbers,
  smsCodesToCount,
  smsMessages,
  smsPreferences,
  smsSpend,
  smsVerificationLog,
  smsVerifications,
} from '@/db/schema/sms';
import { endPendingTokens, issuePendingToken, readPending } from '@/lib/accounts/pending';
import { endSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { grantConsent, readStandingConsent } from '@/lib/consent/ledger';
import { checkBudget } from '@/lib/reporting/ledgers/check-budget';
import { changeSpend, explainBudget, sumSpendOf } from '@/lib/sms/capacity/budget';
import { countEnteredCodes, settleEnteredCodes } from '@/lib/sms/capacity/entered-sums';
import { expireChallenges } from '@/lib/sms/verification/expiry';
import { readNumber } from '@/lib/sms/numbers/number';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { startPhoneChange } from '@/lib/sms/verification/change-phone';
import { findSignedInProver } from '@/lib/sms/verification/find-prover';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { checkCode } from '@/lib/sms/verification/check-code';
import { readVerificationState } from '@/lib/sms/verification/state';
import { releaseTogether } from '@/tests/support/barrier';
import { recordStatements, useDatabase } from '@/tests/support/database';
import {
  after,
  contextAt,
  givePending,
  givePerson,
  newPhone,
  noon,
  readChallengeRow,
  readCode,
  readUserRow,
  wrongCodes,
} from '@/tests/support/people';
import { giveSettledPerson, openSession, readSessionOf } from '@/tests/support/settled-person';

const database = useDatabase();

const lockOf = (phone: string) => `select 1 from phone_numbers where number = '${phone}' for update`;
const countEvents = async (phone: string, event: string) =>
  (
    await database.db
      .select({ id: smsVerificationLog.id })
      .from(smsVerificationLog)
      .where(and(eq(smsVerificationLog.phone, phone), sql`${smsVerificationLog.event} = ${event}`))
  ).length;
const countTexts = async (phone: string) =>
  (await database.db.select({ id: smsMessages.id }).from(smsMessages).where(eq(smsMessages.phone, phone)))
    .length;

describe('a right code', () => {
  test('activates the account, proves the number and signs in once', async () => {
    const person = await givePending(database.db, newPhone());
    const token = await issuePendingToken(database.db, person.userId, noon);
    const checked = await checkCode(database.db, person, person.code, contextAt(after(noon, 20)));
    expect(checked).toEqual({ ok: true, grant: expect.any(String), proven: true });
    expect((await readUserRow(database.db, person.userId))?.activatedAt).toEqual(after(noon, 20));
    expect((await readNumber(database.db, person.phone))?.holderUserId).toBe(person.userId);
    expect(await readPending(database.db, token, after(noon, 21))).toBeNull();
    const grant = checked.ok ? checked.grant! : '';
    expect(await redeemLoginGrant(database.db, grant, contextAt(after(noon, 21)))).not.toBeNull();
    expect(await redeemLoginGrant(database.db, grant, contextAt(after(noon, 21)))).toBeNull();
  });

  test.each([
    // Two of them lock the person and read again what the prover was read from.
    { wantsUpdates: false, statements: 5 },
    { wantsUpdates: true, statements: 7 },
  ])('is decided in one transaction of at most seven statements after one read: %o', async (expected) => {
    const phone = newPhone();
    const person = await givePending(database.db, phone);
    if (expected.wantsUpdates) {
      await database.db
        .update(smsPreferences)
        .set({ enabled: true })
        .where(eq(smsPreferences.userId, person.userId));
      await database.db.transaction((tx) =>
        grantConsent(
          tx,
          { userId: person.userId, phone, scopes: ['updates'], medium: 'registration' },
          contextAt(noon),
        ),
      );
    }
    const statements = await recordStatements(database.pool, () =>
      checkCode(database.db, person, person.code, contextAt(after(noon, 20))),
    );
    const texts = statements.map((statement) => statement.trim().toLowerCase());
    const begin = texts.indexOf('begin');
    expect(texts.at(-1)).toBe('commit');
    expect(texts.slice(begin + 1, -1)).toHaveLength(expected.statements);
    // Before it, the coarse limit of the address is counted and the challenge is read.
    expect(texts.slice(0, begin).map((text) => text.split(' ')[0])).toEqual(['with', 'select']);
    const updates = await database.db
      .select({ template: smsMessages.template })
      .from(smsMessages)
      .where(and(eq(smsMessages.phone, phone), eq(smsMessages.purpose, 'update')));
    expect(updates).toEqual(expected.wantsUpdates ? [{ template: 'optInConfirmation' }] : []);
  });

  describe('whose text was paid for', () => {
    const wide = 'wide-network:carrier';
    const entered = `entered:${wide}`;
    const scopes = ['all', 'strangers', 'network:one', wide];

    /** Someone whose code was sent twice, to a price of 0.0079 each, at these moments. */
    async function givePaid(sent: readonly Date[]) {
      await database.db.delete(smsSpend);
      const person = await givePending(database.db, newPhone());
      const [first] = await database.db.select().from(smsMessages).where(eq(smsMessages.phone, person.phone));
      const paid = sent.map((reservedAt, n) => {
        const id = n === 0 ? first!.id : randomUUID();
        const price = '0.007900';
        return {
          ...{ ...first!, id, wideNetwork: wide, spendScopes: scopes, reservedAt },
          ...{ price, estimatedPrice: price },
        };
      });
      await database.db.delete(smsMessages).where(eq(smsMessages.phone, person.phone));
      await database.db.insert(smsMessages).values(paid);
      await changeSpend(
        database.db,
        sent.map((reservedAt) => ({ scopes, reservedAt, micros: 7_900n })),
      );
      const read = () => sumSpendOf(database.db, [...scopes, entered], after(noon, 130));
      return { person, read };
    }

    beforeEach(() => database.db.delete(smsCodesToCount));

    const count = () => countEnteredCodes(database.db, after(noon, 130), 100);

    test('is counted as entered once, with all its texts, and what was spent stays', async () => {
      const { person, read } = await givePaid([after(noon, 1), after(noon, 61)]);
      const [wrong] = wrongCodes(person.code, 1);
      await checkCode(database.db, person, wrong!, contextAt(after(noon, 120)));
      expect(await count()).toBe(0);
      expect(await checkCode(database.db, person, person.code, contextAt(after(noon, 121)))).toMatchObject({
        ok: true,
      });
      await checkCode(database.db, person, person.code, contextAt(after(noon, 122)));
      expect(await Promise.all([count(), count(), count()])).toContain(1);
      await count();
      const sums = await read();
      expect(sums(entered)).toBe(15_800n);
      for (const scope of scopes) expect(sums(scope)).toBe(15_800n);
      for await (const found of checkBudget(database.db, after(noon, 130))) expect(found).toEqual([]);
    });

    test('is right at once where someone holds the sums, or is writing the first of its minute', async () => {
      for (const hold of ['select from sms_spend for update', `insert into sms_spend select $1, $2, 1`]) {
        const { person, read } = await givePaid([after(noon, 1)]);
        const holder = await database.pool.connect();
        try {
          await holder.query('begin');
          await holder.query(hold, hold.includes('$') ? [entered, noon] : []);
          expect(await checkCode(database.db, person, person.code, contextAt(after(noon, 20)))).toMatchObject(
            {
              ok: true,
            },
          );
        } finally {
          await holder.query('rollback');
          holder.release();
        }
        await count();
        expect((await read())(entered)).toBe(7_900n);
      }
    });

    test('is counted by what was reserved at once, and by what it cost once that is known', async () => {
      const { person, read } = await givePaid([after(noon, 1)]);
      await database.db.update(smsMessages).set({ estimatedPrice: '0.011300', price: '0.011300' });
      const settle = (seconds: number) => settleEnteredCodes(database.db, after(noon, seconds), 100);
      await checkCode(database.db, person, person.code, contextAt(after(noon, 20)));
      expect(await settle(130)).toBe(0);
      expect(await count()).toBe(1);
      expect((await read())(entered)).toBe(11_300n);
      expect(await settle(140)).toBe(0);
      await database.db.update(smsMessages).set({ price: '0.007900', priceSettledAt: after(noon, 300) });
      expect(await Promise.all([settle(301), settle(301)])).toContain(1);
      expect((await read())(entered)).toBe(7_900n);
      expect(await database.db.$count(smsCodesToCount)).toBe(0);
    });

    test('is counted by what was reserved where its price is not known in a quarter of an hour', async () => {
      const { person, read } = await givePaid([after(noon, 1)]);
      await checkCode(database.db, person, person.code, contextAt(after(noon, 20)));
      await count();
      expect(await settleEnteredCodes(database.db, after(noon, 130 + 14 * 60), 100)).toBe(0);
      expect(await settleEnteredCodes(database.db, after(noon, 130 + 16 * 60), 100)).toBe(1);
      expect((await read())(entered)).toBe(7_900n);
      expect(await database.db.$count(smsCodesToCount)).toBe(0);
    });

    test('makes no room for others, however much was counted as entered', async () => {
      const { read } = await givePaid([after(noon, 1)]);
      const network = {
        ...{ rule: 'wide_network_share' as const, scope: wide, enteredScope: entered },
        ...{ hours: 24, limitMicros: 7_900n },
      };
      await changeSpend(database.db, [{ scopes: [entered], reservedAt: noon, micros: 999_000_000n }]);
      const [answer] = await explainBudget(
        database.db,
        { priceMicros: 7_900, caps: [network], counted: null },
        after(noon, 60),
      );
      expect(answer).toMatchObject({ fits: false, spentMicros: 790n });
      expect((await read())(wide)).toBe(7_900n);
    });

    test('is counted beside forty others that were entered at the same instant', async () => {
      const people = [];
      for (let nth = 0; nth < 40; nth += 1) people.push(await givePaid([after(noon, 1)]));
      await Promise.all(
        people.map(({ person }) => checkCode(database.db, person, person.code, contextAt(after(noon, 20)))),
      );
      expect(await count()).toBe(40);
      expect((await people[0]!.read())(entered)).toBe(40n * 7_900n);
    });

    test('is counted though the rows of others are odd, and these count for nothing', async () => {
      const { person, read } = await givePaid([after(noon, 1)]);
      for (const odd of [
        sql`reserved_at = 'infinity'`,
        sql`price = 'NaN', estimated_price = 'NaN'`,
        sql`spend_scopes = array[null]`,
        sql`wide_network = repeat(md5(random()::text), 200), spend_scopes = array[repeat('x', 9000)]`,
        sql`wide_network = 'wide-network:full', spend_scopes = array['wide-network:full']`,
      ]) {
        const other = (await givePaid([after(noon, 1)])).person;
        await database.db.execute(sql`update sms_messages set ${odd} where phone = ${other.phone}`);
        expect(await checkCode(database.db, other, other.code, contextAt(after(noon, 20)))).toMatchObject({
          ok: true,
        });
      }
      await database.db
        .insert(smsSpend)
        .values({ scope: 'entered:wide-network:full', minute: noon, micros: 9_223_372_036_854_775_807n });
      await checkCode(database.db, person, person.code, contextAt(after(noon, 20)));
      expect(await count()).toBe(6);
      expect((await read())(entered)).toBe(7_900n);
    });

    test('adds to what was entered in that minute before', async () => {
      const before = await givePaid([after(noon, 1)]);
      await changeSpend(database.db, [{ scopes: [entered], reservedAt: after(noon, 2), micros: 100n }]);
      await checkCode(database.db, before.person, before.person.code, contextAt(after(noon, 20)));
      await count();
      expect((await before.read())(entered)).toBe(8_000n);
    });
  });

  test('given fifty times at the same instant activates once and mints one login grant', async () => {
    const person = await givePending(database.db, newPhone());
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(person.phone),
      40,
      Array.from(
        { length: 50 },
        () => () => checkCode(database.db, person, person.code, contextAt(after(noon, 5))),
      ),
    );
    const values = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : null));
    expect(values.filter((value) => value?.ok)).toHaveLength(1);
    expect(values.filter((value) => value && !value.ok && value.reason === 'no_challenge')).toHaveLength(49);
    const grants = await database.db.select().from(loginGrants).where(eq(loginGrants.userId, person.userId));
    expect(grants).toHaveLength(1);
    expect(await countEvents(person.phone, 'verified')).toBe(1);
  });

  test('beside four wrong ones at the same instant succeeds', async () => {
    const person = await givePending(database.db, newPhone());
    const guesses = [...wrongCodes(person.code, 4), person.code];
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(person.phone),
      5,
      guesses.map((guess) => () => checkCode(database.db, person, guess, contextAt(after(noon, 5)))),
    );
    const last = outcomes.at(-1);
    expect(last).toMatchObject({ status: 'fulfilled', value: { ok: true } });
  });

  test('is worth nothing after ten minutes', async () => {
    const person = await givePending(database.db, newPhone());
    const checked = await checkCode(database.db, person, person.code, contextAt(after(noon, 600)));
    expect(checked).toEqual({ ok: false, reason: 'expired' });
    expect((await readUserRow(database.db, person.userId))?.activatedAt).toBeNull();
    expect(await countEvents(person.phone, 'check_refused')).toBe(1);
  });

  test('that ran out is logged as expired exactly once, by whoever notices', async () => {
    const person = await givePending(database.db, newPhone());
    await expireChallenges(database.db, after(noon, 599), 100);
    expect(await countEvents(person.phone, 'expired')).toBe(0);
    await Promise.all(Array.from({ length: 8 }, () => expireChallenges(database.db, after(noon, 600), 100)));
    await sendCode(database.db, person, contextAt(after(noon, 700)));
    expect(await countEvents(person.phone, 'expired')).toBe(1);
    expect((await readChallengeRow(database.db, person.challengeId)).endedBy).toBe('expired');
  });

  test('is worth nothing a second time', async () => {
    const person = await givePending(database.db, newPhone());
    await checkCode(database.db, person, person.code, contextAt(after(noon, 5)));
    const again = await checkCode(database.db, person, person.code, contextAt(after(noon, 6)));
    expect(again).toEqual({ ok: false, reason: 'no_challenge' });
  });

  test('of one person does not serve another person with the same number', async () => {
    const phone = newPhone();
    const first = await givePending(database.db, phone);
    const second = await givePending(database.db, phone, after(noon, 1));
    const crossed = await checkCode(database.db, second, first.code, contextAt(after(noon, 5)));
    expect(crossed).toMatchObject({ ok: false, reason: 'wrong_code' });
    expect(await checkCode(database.db, second, second.code, contextAt(after(noon, 6)))).toMatchObject({
      ok: true,
    });
    expect(await checkCode(database.db, first, first.code, contextAt(after(noon, 7)))).toMatchObject({
      ok: true,
    });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(first.userId);
  });

  test('takes the number from its earlier holder, with consent, and tells them', async () => {
    const phone = newPhone();
    const earlier = await givePending(database.db, phone);
    await database.db.transaction((tx) =>
      grantConsent(
        tx,
        { userId: earlier.userId, phone, scopes: ['verification', 'updates'], medium: 'registration' },
        contextAt(noon),
      ),
    );
    await checkCode(database.db, earlier, earlier.code, contextAt(after(noon, 5)));
    const later = await givePending(database.db, phone, after(noon, 60));
    await checkCode(database.db, later, later.code, contextAt(after(noon, 70)));
    const row = await readUserRow(database.db, earlier.userId);
    const state = await readPhoneState(database.db, {
      userId: earlier.userId,
      phone,
      phoneMovedAt: row!.phoneMovedAt,
    });
    expect(state.state).toBe('moved');
    expect(await readStandingConsent(database.db, { userId: earlier.userId, phone })).toEqual(new Set());
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(later.userId);
  });

  test('does not take the number of an account that must hold a second factor: the prover is inside without it', async () => {
    const phone = newPhone();
    const staff = await givePerson(database.db, { active: true, phone, role: 'staff' });
    await database.db
      .insert(phoneNumbers)
      .values({ number: phone, holderUserId: staff.userId, heldSince: noon });
    const prover = await givePending(database.db, phone, after(noon, 60));
    const checked = await checkCode(database.db, prover, prover.code, contextAt(after(noon, 70)));
    expect(checked).toEqual({ ok: true, grant: expect.any(String), proven: false });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(staff.userId);
    const row = await readUserRow(database.db, prover.userId);
    expect(row).toMatchObject({ phone: null, activatedAt: after(noon, 70) });
    expect(await readStandingConsent(database.db, { userId: prover.userId, phone })).toEqual(new Set());
    const told = await database.db.select().from(auditLog).where(eq(auditLog.userId, staff.userId));
    expect(told).toMatchObject([{ action: 'number_protected', actorId: null }]);
  });

  test('of two people at the same instant leaves exactly one holder', async () => {
    const phone = newPhone();
    const first = await givePending(database.db, phone);
    const second = await givePending(database.db, phone, after(noon, 1));
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(phone),
      2,
      [first, second].map(
        (person) => () => checkCode(database.db, person, person.code, contextAt(after(noon, 9))),
      ),
    );
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled']);
    const holder = (await readNumber(database.db, phone))?.holderUserId;
    expect([first.userId, second.userId]).toContain(holder);
  });
});

describe('wrong codes', () => {
  test('two hundred at the same instant spend exactly five tries', async () => {
    const person = await givePending(database.db, newPhone());
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(person.phone),
      40,
      wrongCodes(person.code, 200).map(
        (guess) => () => checkCode(database.db, person, guess, contextAt(after(noon, 5))),
      ),
    );
    const reasons = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' && !outcome.value.ok ? outcome.value.reason : 'unexpected',
    );
    expect(reasons.filter((reason) => reason === 'wrong_code')).toHaveLength(5);
    expect(reasons.filter((reason) => reason === 'tries_spent')).toHaveLength(195);
    expect((await readChallengeRow(database.db, person.challengeId)).wrongTries).toBe(5);
    expect((await readNumber(database.db, person.phone))?.proveFailures).toHaveLength(5);
  });

  test('one of an earlier text is told from others, and spends a try as they do', async () => {
    const person = await givePending(database.db, newPhone());
    const later = contextAt(after(noon, 700));
    await sendCode(database.db, person, later);
    expect(await checkCode(database.db, person, person.code, later)).toEqual({
      ...{ ok: false, reason: 'wrong_code', triesLeft: 4, ofEarlierText: true },
    });
    const challenge = await readLastChallenge(database.db, person.userId, later.now);
    const code = codesOf(challenge!)[0]!;
    const wrong = wrongCodes(code, 2).find((each) => each !== person.code)!;
    expect(await checkCode(database.db, person, wrong, later)).toMatchObject({
      ...{ reason: 'wrong_code', triesLeft: 3, ofEarlierText: false },
    });
    expect(await checkCode(database.db, person, code, later)).toMatchObject({ ok: true });
  });

  test('five of them end the challenge, for the right code too', async () => {
    const person = await givePending(database.db, newPhone());
    const left: unknown[] = [];
    for (const guess of wrongCodes(person.code, 5)) {
      const checked = await checkCode(database.db, person, guess, contextAt(after(noon, 5)));
      left.push(checked.ok || checked.reason !== 'wrong_code' ? checked : checked.triesLeft);
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    const right = await checkCode(database.db, person, person.code, contextAt(after(noon, 6)));
    expect(right).toEqual({ ok: false, reason: 'tries_spent' });
  });

  test('fifteen in a day close the number, whatever new codes and accounts there are, until the first is a day old', async () => {
    const phone = newPhone();
    for (let round = 0; round < 3; round += 1) {
      const person = await givePending(database.db, phone, after(noon, round));
      for (const guess of wrongCodes(person.code, 5)) {
        await checkCode(database.db, person, guess, contextAt(after(noon, 10 + round)));
      }
    }
    await database.db.update(phoneNumbers).set({ proveSends: [] }).where(eq(phoneNumbers.number, phone));
    const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
    const prover = { userId, role: 'applicant' as const, phone, purpose: 'activate' as const };
    const sent = await sendCode(database.db, prover, contextAt(after(noon, 60)));
    expect(sent).toEqual({
      ok: false,
      reason: 'number_locked',
      retryAt: after(noon, 10 + 24 * 3600),
      byOthers: true,
    });
    const later = await givePending(database.db, phone, after(noon, 10 + 24 * 3600));
    expect(later.code).toMatch(/^\d{6}$/);
  });

  test('beside a resend never kill the code', async () => {
    const person = await givePending(database.db, newPhone());
    const [wrong] = wrongCodes(person.code, 1);
    const outcomes = await releaseTogether<unknown>(database.pool, lockOf(person.phone), 2, [
      () => checkCode(database.db, person, wrong!, contextAt(after(noon, 40))),
      () => sendCode(database.db, person, contextAt(after(noon, 40))),
    ]);
    expect(outcomes[1]).toMatchObject({ value: { ok: true } });
    const code = await readCode(database.db, person.userId);
    expect(await checkCode(database.db, person, code, contextAt(after(noon, 50)))).toMatchObject({
      ok: true,
    });
  });

  test('what is no code costs no try', async () => {
    const person = await givePending(database.db, newPhone());
    for (const text of ['', '12345', '1234567', 'abcdef']) {
      const checked = await checkCode(database.db, person, text, contextAt(after(noon, 5)));
      expect(checked).toEqual({ ok: false, reason: 'not_a_code' });
    }
    expect((await readChallengeRow(database.db, person.challengeId)).wrongTries).toBe(0);
  });
});

describe('sending again', () => {
  test('brings the same code while three minutes of it remain', async () => {
    const person = await givePending(database.db, newPhone());
    expect(await sendCode(database.db, person, contextAt(after(noon, 420)))).toEqual({ ok: true });
    expect(await readCode(database.db, person.userId)).toBe(person.code);
    expect((await readChallengeRow(database.db, person.challengeId)).expiresAt).toEqual(after(noon, 600));
  });

  test('writes and counts nothing while the text waits in the line, which brings the code', async () => {
    const person = await givePending(database.db, newPhone());
    const seen = async () => ({
      texts: await database.db.$count(smsMessages, eq(smsMessages.phone, person.phone)),
      sends: (await readNumber(database.db, person.phone))!.proveSends.length,
      asked: await countEvents(person.phone, 'send_requested'),
    });
    const again = (seconds: number) => sendCode(database.db, person, contextAt(after(noon, seconds)));
    for (const seconds of [40, 80, 120, 160]) expect(await again(seconds)).toEqual({ ok: true });
    expect(await again(161)).toMatchObject({ ok: false, reason: 'too_soon', retryAt: after(noon, 190) });
    expect(await seen()).toEqual({ texts: 1, sends: 1, asked: 1 });
    // One that the provider did not take, or that is not due, may be overtaken.
    for (const [nth, hold] of [{ attempts: 1 }, { sendAfter: after(noon, 500) }].entries()) {
      await database.db.update(smsMessages).set(hold).where(eq(smsMessages.phone, person.phone));
      expect(await again(200 + nth * 40)).toEqual({ ok: true });
      expect(await seen()).toEqual({ texts: 2 + nth, sends: 2 + nth, asked: 2 + nth });
    }
  });

  test('brings a new challenge when less remains, and the old code is dead', async () => {
    const person = await givePending(database.db, newPhone());
    expect(await sendCode(database.db, person, contextAt(after(noon, 421)))).toEqual({ ok: true });
    expect((await readChallengeRow(database.db, person.challengeId)).endedBy).toBe('replaced');
    const open = await database.db
      .select()
      .from(smsVerifications)
      .where(and(eq(smsVerifications.userId, person.userId), sql`${smsVerifications.endedAt} is null`));
    expect(open).toHaveLength(1);
    expect(open[0]!.expiresAt).toEqual(after(noon, 421 + 600));
  });

  test('is refused within thirty seconds, with the moment', async () => {
    const person = await givePending(database.db, newPhone());
    const again = await sendCode(database.db, person, contextAt(after(noon, 29)));
    expect(again).toEqual({ ok: false, reason: 'too_soon', retryAt: after(noon, 30) });
    expect(await countTexts(person.phone)).toBe(1);
    expect(await countEvents(person.phone, 'send_refused')).toBe(1);
  });

  test('is possible three times in any hour over all accounts, and the refusal names the moment', async () => {
    const phone = newPhone();
    await givePending(database.db, phone, noon);
    await givePending(database.db, phone, after(noon, 100));
    const third = await givePending(database.db, phone, after(noon, 200));
    const fourth = await sendCode(database.db, third, contextAt(after(noon, 3599)));
    expect(fourth).toEqual({
      ok: false,
      reason: 'send_limit',
      retryAt: after(noon, 3600),
      byOthers: true,
    });
    expect(await sendCode(database.db, third, contextAt(after(noon, 3600)))).toEqual({ ok: true });
  });

  test('fifty times at the same instant is three texts', async () => {
    const phone = newPhone();
    const people = await Promise.all(
      Array.from({ length: 50 }, () => givePerson(database.db, { active: false, phone, agreed: true })),
    );
    const holder = await givePending(database.db, phone, after(noon, -7200));
    expect(holder.phone).toBe(phone);
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(phone),
      40,
      people.map(
        ({ userId }) =>
          () =>
            sendCode(database.db, { userId, role: 'applicant', phone, purpose: 'activate' }, contextAt(noon)),
      ),
    );
    const sent = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.ok);
    expect(sent).toHaveLength(3);
    expect(await countTexts(phone)).toBe(4);
  });

  test('asks someone signed in for consent first', async () => {
    const phone = newPhone();
    const { userId } = await givePerson(database.db, { active: true, phone });
    const readFrom = await openSession(database.db, userId, noon);
    const prover = { userId, role: 'applicant' as const, phone, purpose: 'prove' as const, readFrom };
    expect(await sendCode(database.db, prover, contextAt(noon))).toMatchObject({ reason: 'consent_missing' });
    expect(await replacePendingPhone(database.db, prover, phone, contextAt(noon))).toEqual({
      ok: true,
      refusal: null,
      changed: false,
    });
    const code = await readCode(database.db, userId);
    expect(await checkCode(database.db, prover, code, contextAt(after(noon, 5)))).toEqual({
      ok: true,
      grant: null,
      proven: true,
    });
    expect(await readPhoneState(database.db, { userId, phone, phoneMovedAt: null })).toMatchObject({
      state: 'verified',
    });
  });
});

test('a right code is worth nothing once the browser that would enter it was signed out', async () => {
  const pending = await givePending(database.db, newPhone());
  const settled = await giveSettledPerson(database.db);
  const next = newPhone();
  await startPhoneChange(database.db, settled, next, contextAt(noon));
  const user = await readSessionOf(database.db, settled, after(noon, 1));
  const changing = await findSignedInProver(database.db, user, after(noon, 1));
  await endPendingTokens(database.db, pending.userId);
  await endSession(database.db, settled.sessionId);
  for (const prover of [pending, changing]) {
    const code = await readCode(database.db, prover.userId);
    expect(await checkCode(database.db, prover, code, contextAt(after(noon, 5)))).toEqual({
      ok: false,
      reason: 'no_challenge',
    });
  }
  expect((await readUserRow(database.db, pending.userId))!.activatedAt).toBeNull();
  expect((await readUserRow(database.db, settled.userId))!.phone).toBe(settled.phone);
});

describe('another number', () => {
  test('ends the old challenge and its waiting text, and moves the consent', async () => {
    const person = await givePending(database.db, newPhone());
    const other = newPhone();
    expect(await replacePendingPhone(database.db, person, other, contextAt(after(noon, 10)))).toEqual({
      ok: true,
      refusal: null,
      changed: true,
    });
    const moved = { ...person, phone: other };
    expect(await checkCode(database.db, moved, person.code, contextAt(after(noon, 20)))).toMatchObject({
      ok: false,
    });
    expect((await readChallengeRow(database.db, person.challengeId)).endedBy).toBe('number_changed');
    const [old] = await database.db.select().from(smsMessages).where(eq(smsMessages.phone, person.phone));
    expect(old?.status).toBe('canceled');
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: other })).toEqual(
      new Set(['verification']),
    );
    const code = await readCode(database.db, person.userId);
    expect(await checkCode(database.db, moved, code, contextAt(after(noon, 30)))).toMatchObject({ ok: true });
  });

  test('is told apart from the one that stands there, for which too soon another code is asked for', async () => {
    const person = await givePending(database.db, newPhone());
    const same = await replacePendingPhone(database.db, person, person.phone, contextAt(after(noon, 10)));
    expect(same).toMatchObject({ ok: true, changed: false, refusal: { reason: 'too_soon' } });
    expect(await checkCode(database.db, person, person.code, contextAt(after(noon, 20)))).toMatchObject({
      ok: true,
    });
  });

  test('is refused in place of a proven one', async () => {
    const person = await givePending(database.db, newPhone());
    await checkCode(database.db, person, person.code, contextAt(after(noon, 5)));
    const signedIn = { ...person, purpose: 'prove' as const };
    const replaced = await replacePendingPhone(database.db, signedIn, newPhone(), contextAt(after(noon, 10)));
    expect(replaced).toEqual({ ok: false, reason: 'number_proven' });
  });
});

describe('what was decided on an old page', () => {
  test('three other numbers at the same instant end in one number, one challenge and consent there alone', async () => {
    const person = await givePending(database.db, newPhone());
    const others = [newPhone(), newPhone(), newPhone()];
    const outcomes = await releaseTogether(
      database.pool,
      lockOf(person.phone),
      3,
      others.map(
        (other) => () => replacePendingPhone(database.db, person, other, contextAt(after(noon, 10))),
      ),
    );
    const answers = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : outcome.reason,
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.filter((answer) => answer.reason === 'changed_meanwhile')).toHaveLength(2);
    const phone = (await readUserRow(database.db, person.userId))!.phone;
    for (const each of [person.phone, ...others]) {
      const standing = await readStandingConsent(database.db, { userId: person.userId, phone: each });
      expect(standing.size).toBe(each === phone ? 1 : 0);
    }
  });

  test('another number and going on without at the same instant leave no code that cannot be right', async () => {
    const person = await givePending(database.db, newPhone());
    await releaseTogether<unknown>(database.pool, lockOf(person.phone), 2, [
      () => skipVerification(database.db, person, contextAt(after(noon, 90))),
      () => replacePendingPhone(database.db, person, newPhone(), contextAt(after(noon, 90))),
    ]);
    const row = (await readUserRow(database.db, person.userId))!;
    const open = await database.db
      .select()
      .from(smsVerifications)
      .where(
        and(
          eq(smsVerifications.userId, person.userId),
          sql`${smsVerifications.endedAt} is null and ${smsVerifications.consumedAt} is null`,
        ),
      );
    expect(open).toHaveLength(row.activatedAt === null ? 1 : 0);
  });
});

describe('continuing without verifying', () => {
  test('is not possible while the text is on its way, and is 60 seconds after it', async () => {
    const person = await givePending(database.db, newPhone());
    const early = await skipVerification(database.db, person, contextAt(after(noon, 59)));
    expect(early).toEqual({ ok: false, reason: 'not_yet', retryAt: after(noon, 60) });
    const skipped = await skipVerification(database.db, person, contextAt(after(noon, 60)));
    expect(skipped).toMatchObject({ ok: true });
    expect((await readNumber(database.db, person.phone))?.holderUserId).toBeNull();
    expect((await readChallengeRow(database.db, person.challengeId)).endedBy).toBe('skipped');
    expect(await countEvents(person.phone, 'skipped')).toBe(1);
    const dead = await checkCode(database.db, person, person.code, contextAt(after(noon, 61)));
    expect(dead).toMatchObject({ ok: false });
  });

  test.each(['failed', 'canceled'] as const)('is possible at once when the text %s', async (status) => {
    const person = await givePending(database.db, newPhone());
    await database.db.update(smsMessages).set({ status }).where(eq(smsMessages.phone, person.phone));
    expect(await skipVerification(database.db, person, contextAt(after(noon, 2)))).toMatchObject({
      ok: true,
    });
  });

  test('is not possible after 60 seconds when the text was delivered, but after three minutes', async () => {
    const person = await givePending(database.db, newPhone());
    await database.db
      .update(smsMessages)
      .set({ status: 'delivered' })
      .where(eq(smsMessages.phone, person.phone));
    const soon = await skipVerification(database.db, person, contextAt(after(noon, 179)));
    expect(soon).toEqual({ ok: false, reason: 'not_yet', retryAt: after(noon, 180) });
    expect(await skipVerification(database.db, person, contextAt(after(noon, 180)))).toMatchObject({
      ok: true,
    });
  });

  test('is possible at once when all tries are spent', async () => {
    const person = await givePending(database.db, newPhone());
    for (const guess of wrongCodes(person.code, 5)) {
      await checkCode(database.db, person, guess, contextAt(after(noon, 5)));
    }
    expect(await skipVerification(database.db, person, contextAt(after(noon, 6)))).toMatchObject({
      ok: true,
    });
  });

  test('is never possible for an account that must hold a second factor', async () => {
    const person = await givePending(database.db, newPhone());
    const staff = { ...person, role: 'staff' as const };
    expect(await skipVerification(database.db, staff, contextAt(after(noon, 900)))).toEqual({
      ok: false,
      reason: 'not_allowed',
    });
  });

  test('and the right code at the same instant open the account once', async () => {
    const person = await givePending(database.db, newPhone());
    const outcomes = await releaseTogether<{ ok: boolean }>(database.pool, lockOf(person.phone), 2, [
      () => skipVerification(database.db, person, contextAt(after(noon, 90))),
      () => checkCode(database.db, person, person.code, contextAt(after(noon, 90))),
    ]);
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.ok);
    expect(won).toHaveLength(1);
    const open = await database.db.select().from(sessions).where(eq(sessions.userId, person.userId));
    expect(open).toHaveLength(0);
  });
});

test('the code page says how many tries and sends are left, and only reads', async () => {
  const person = await givePending(database.db, newPhone());
  await checkCode(database.db, person, wrongCodes(person.code, 1)[0]!, contextAt(after(noon, 5)));
  const statements = await recordStatements(database.pool, () =>
    readVerificationState(database.db, person, after(noon, 10)),
  );
  expect(statements.every((statement) => /^select/i.test(statement.trim()))).toBe(true);
  expect(await readVerificationState(database.db, person, after(noon, 10))).toMatchObject({
    challenge: { id: person.challengeId },
    text: { status: 'queued' },
    tries: { remaining: 4, retryAt: null },
    sends: { remaining: 2, retryAt: after(noon, 30) },
    skipAt: after(noon, 60),
  });
});

test('no code is in any table', async () => {
  const person = await givePending(database.db, newPhone());
  await checkCode(database.db, person, person.code, contextAt(after(noon, 5)));
  const { rows: tables } = await database.pool.query<{ name: string }>(
    `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
  );
  for (const { name } of tables) {
    const { rows } = await database.pool.query(`select 1 from ${name} as r where r::text ~ $1`, [
      `(^|[^0-9a-f])${person.code}([^0-9a-f]|$)`,
    ]);
    expect(rows, name).toHaveLength(0);
  }
});
