import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, rateLimits, sessions, users } from '@/db/schema/accounts';
import { smsConsents, smsOptOuts } from '@/db/schema/consent';
import { mails } from '@/db/schema/mail';
import { recordToldOptOut } from '@/lib/auth/admin/record-told-opt-out';
import { readStandingConsent } from '@/lib/consent/ledger';
import { newId } from '@/lib/random';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { developmentSender } from '@/lib/sms/senders/sender';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { readNumber } from '@/lib/sms/numbers/number';
import { endingSession, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';
import { readMail } from '@/lib/mail/read-mail';
import { readExport } from '@/tests/support/read-export';
import {
  giveSettledPerson,
  password,
  proveEmailOf,
  type SettledPerson,
} from '@/tests/support/settled-person';
import { askForCode, askForUpdate, askPolicy, makeEnv, readText } from '@/tests/support/texts';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const note = 'Called on Friday: no more texts.';

const giveStaff = (role: 'broker' | 'staff' | 'admin' = 'staff') =>
  giveSettledPerson(database.db, { role, phone: null });

const record = (
  actor: SettledPerson,
  phone: string,
  changed: Partial<{ channel: 'phone' | 'letter' | 'other'; currentPassword: string }> = {},
  seconds = 60,
) =>
  recordToldOptOut(
    database.db,
    actor,
    { phone, channel: 'phone', note, currentPassword: password, ...changed },
    at(seconds),
  );

const textFrom = (from: string, body: string) => ({
  sid: `SM${newId().replaceAll('-', '')}`,
  from,
  to: developmentSender,
  messagingServiceSid: null,
  body,
  optOutType: null,
});

const showFactor = (actor: SettledPerson, seconds: number) =>
  database.db
    .update(sessions)
    .set({ secondFactorAt: after(noon, seconds), lastSeenAt: after(noon, seconds) })
    .where(eq(sessions.id, actor.sessionId));

/** As if the recorder had recorded so many already, an instant before `seconds`. */
async function spend(
  actor: SettledPerson,
  limit: 'opt_outs_by' | 'opt_outs_hour',
  hits: number,
): Promise<void> {
  const rules = [{ limit: hits, windowSeconds: 86_400 }];
  for (let n = 0; n < hits; n += 1) {
    await takeHits(database.db, [{ keys: limitKeys(limit, [actor.userId]), rules }], after(noon, 60));
  }
}

describe('an opt-out that someone was told', () => {
  test.each(['broker', 'staff', 'admin'] as const)(
    'stops all texts at once: recorded by %s',
    async (role) => {
      const [actor, person] = [await giveStaff(role), await giveSettledPerson(database.db)];
      const { userId } = person;
      const phone = person.phone!;
      const waiting = await askForUpdate(database.db, { userId, phone });
      expect(await record(actor, phone)).toEqual({ ok: true, isFirst: true });
      expect(await readText(database.db, waiting)).toMatchObject({ status: 'canceled', reason: 'stopped' });
      expect(await readNumber(database.db, phone)).toMatchObject({
        suppressedAt: after(noon, 60),
        suppressedBy: 'recorded_stop',
      });
      expect(await readStandingConsent(database.db, { userId, phone })).toEqual(new Set());
      const later = await askForUpdate(database.db, { userId, phone });
      expect(
        await askPolicy(database.db, { id: later }, { now: after(noon, 70), env: makeEnv(database.url) }),
      ).toMatchObject({ answer: 'refuse' });
    },
  );

  test('is not recorded any more in a session that ends while it waits, and does not count', async () => {
    const actor = await giveStaff();
    const phone = (await giveSettledPerson(database.db)).phone!;
    const [answer] = await releaseTogether(database.pool, endingSession(actor), 1, [
      () => record(actor, phone),
    ]);
    expect(answer).toMatchObject({ status: 'fulfilled', value: { ok: false, reason: 'not_open' } });
    expect((await readNumber(database.db, phone))!.suppressedAt).toBeNull();
    const [key] = limitKeys('opt_outs_by', [actor.userId]);
    const counts = await database.db.select().from(rateLimits).where(eq(rateLimits.key, key!));
    expect(counts).toMatchObject([{ hits: [] }]);
  });

  test('is kept in the ledger with how it came and the note, and in the audit with both people', async () => {
    const [actor, person] = [await giveStaff(), await giveSettledPerson(database.db)];
    const phone = person.phone!;
    await record(actor, phone, { channel: 'letter' });
    expect(await database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, phone))).toMatchObject([
      {
        at: after(noon, 60),
        act: 'opted_out',
        channel: 'letter',
        covers: ['verification', 'updates'],
        words: note,
        recordedBy: 'staff',
        sender: null,
        userId: null,
      },
    ]);
    const [entry] = await database.db.select().from(auditLog).where(eq(auditLog.actorId, actor.userId));
    expect(entry).toMatchObject({
      action: 'opt_out_recorded',
      userId: person.userId,
      details: { channel: 'letter', number: `•••${phone.slice(-4)}`, reason: note },
    });
    expect(JSON.stringify(entry)).not.toContain(phone.slice(1));
    const taken = await readExport(database.db, person.userId, at(90));
    expect(taken!.optOuts).toMatchObject([{ act: 'opted_out', channel: 'letter', words: note }]);
  });

  test('is kept for each way it came, and says whether it was the first', async () => {
    const [actor, phone] = [await giveStaff(), newPhone()];
    expect(await record(actor, phone)).toEqual({ ok: true, isFirst: true });
    expect(await record(actor, phone, { channel: 'other' }, 90)).toEqual({ ok: true, isFirst: false });
    expect(await database.db.$count(smsOptOuts, eq(smsOptOuts.phone, phone))).toBe(2);
    // The number has no account: the audit names nobody but who recorded it.
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.actorId, actor.userId));
    expect(entries.map(({ userId }) => userId)).toEqual([null, null]);
  });

  test('is written once a day as long as it is in force, and every time after a START', async () => {
    const [actor, other, phone] = [await giveStaff(), await giveStaff('broker'), newPhone()];
    const count = () => database.db.$count(smsOptOuts, eq(smsOptOuts.phone, phone));
    const audited = () => database.db.$count(auditLog, eq(auditLog.actorId, actor.userId));
    await record(actor, phone);
    const again = [record(actor, phone, {}, 61), record(actor, phone, {}, 62), record(other, phone, {}, 63)];
    for (const answer of await Promise.all(again)) expect(answer).toEqual({ ok: true, isFirst: false });
    expect([await count(), await audited()]).toEqual([1, 1]);
    await receiveText(database.db, textFrom(phone, 'START'), at(90));
    expect(await record(actor, phone, {}, 120)).toEqual({ ok: true, isFirst: true });
    expect([await count(), await audited()]).toEqual([3, 2]);
    const nextDay = { role: 'staff', phone: null, now: after(noon, 25 * 3600) } as const;
    expect(await record(await giveSettledPerson(database.db, nextDay), phone, {}, 25 * 3600)).toEqual({
      ok: true,
      isFirst: false,
    });
    expect(await count()).toBe(4);
  });

  test('is told to the holder by mail, once, where their email is proven', async () => {
    const actor = await giveStaff();
    const [proven, unproven] = [await giveSettledPerson(database.db), await giveSettledPerson(database.db)];
    await proveEmailOf(database.db, proven);
    for (const { phone } of [proven, unproven]) {
      await record(actor, phone!);
      await record(actor, phone!, { channel: 'letter' }, 61);
    }
    const told = (userId: string) => database.db.select().from(mails).where(eq(mails.userId, userId));
    expect(await told(unproven.userId)).toEqual([]);
    const [mail, ...others] = await told(proven.userId);
    expect(others).toEqual([]);
    const { text } = readMail({ ...mail!, link: null });
    expect(text).toContain('recorded, on your behalf, that you want no more texts');
    expect(text).toContain('text START from that phone');
    expect(text).not.toContain(proven.phone!.slice(-4));
  });

  test('is taken back by START, and what was agreed to before is good again', async () => {
    const [actor, person] = [await giveStaff(), await giveSettledPerson(database.db)];
    const { userId } = person;
    const phone = person.phone!;
    await record(actor, phone);
    expect(await receiveText(database.db, textFrom(phone, 'START'), at(120))).toMatchObject({
      ok: true,
      meaning: 'start',
    });
    expect(await readNumber(database.db, phone)).toMatchObject({ suppressedAt: null, suppressedBy: null });
    expect(await readStandingConsent(database.db, { userId, phone })).toEqual(
      new Set(['verification', 'updates']),
    );
    const media = await database.db
      .select({ medium: smsConsents.medium })
      .from(smsConsents)
      .where(eq(smsConsents.userId, userId));
    expect(media.map(({ medium }) => medium)).toEqual(expect.arrayContaining(['recorded_stop', 'sms_start']));
  });

  test('leaves an open code, so that one which has arrived can still be entered', async () => {
    const [actor, person] = [await giveStaff(), await giveSettledPerson(database.db)];
    const { challengeId } = await askForCode(database.db, { userId: person.userId, phone: person.phone! });
    await record(actor, person.phone!);
    const { rows } = await database.pool.query('select ended_at from sms_verifications where id = $1', [
      challengeId,
    ]);
    expect(rows).toEqual([{ ended_at: null }]);
  });
});

describe('a number', () => {
  test.each([
    ['(555) 246-8135', '+15552468135'],
    ['+1 800 555 0199', '+18005550199'],
    ['+44 20 7946 0018', '+442079460018'],
    ['＋４４ 20 7946 0019', '+442079460019'],
  ])('%s is recorded, whether or not we would text it', async (typed, phone) => {
    expect(await record(await giveStaff(), typed)).toMatchObject({ ok: true });
    expect(await readNumber(database.db, phone)).toMatchObject({ suppressedBy: 'recorded_stop' });
  });

  test.each(['', '8135', 'call me', '+1', '+0123456789', '+1234567890123456', '+44 20 x', "'; --", '\0'])(
    '%j is none, and no second factor is asked for',
    async (typed) => {
      expect(await record(await giveStaff(), typed, {}, 601)).toEqual({
        ok: false,
        reason: 'not_a_number',
      });
    },
  );
});

test('a number that nobody can have is refused, unless we know it', async () => {
  const [actor, phone] = [await giveStaff(), '+99912345678'];
  expect(await record(actor, phone)).toEqual({ ok: false, reason: 'nobodys_number' });
  expect(await readNumber(database.db, phone)).toBeNull();
  await database.pool.query('insert into phone_numbers (number) values ($1)', [phone]);
  expect(await record(actor, phone)).toEqual({ ok: true, isFirst: true });
});

describe('one recorder', () => {
  test('records thirty in an hour by one second step, and then one by each further step', async () => {
    const [actor, colleague] = [await giveStaff(), await giveStaff('broker')];
    await spend(actor, 'opt_outs_hour', 29);
    const phone = newPhone();
    expect(await record(actor, phone)).toEqual({ ok: true, isFirst: true });
    const refused = { ok: false, reason: 'confirm_each' };
    const next = newPhone();
    expect(await record(actor, next, {}, 61)).toEqual(refused);
    expect((await readNumber(database.db, next))?.suppressedAt ?? null).toBeNull();
    for (const seconds of [100, 200]) {
      await showFactor(actor, seconds);
      const many = Array.from({ length: 8 }, () => record(actor, newPhone(), {}, seconds + 5));
      const answers = await Promise.all(many);
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
      expect(answers.filter(({ ok }) => !ok)).toEqual(Array(7).fill(refused));
    }
    expect(await record(colleague, next, {}, 210)).toEqual({ ok: true, isFirst: true });
    await showFactor(actor, 3700);
    for (let n = 0; n < 3; n += 1) {
      expect(await record(actor, newPhone(), {}, 3701)).toEqual({ ok: true, isFirst: true });
    }
  });

  test('records two hundred in a day, whatever steps are shown, and is told when the next is allowed', async () => {
    const actor = await giveStaff();
    await spend(actor, 'opt_outs_by', 199);
    const phone = newPhone();
    expect(await record(actor, phone)).toEqual({ ok: true, isFirst: true });
    await showFactor(actor, 100);
    expect(await record(actor, newPhone(), {}, 110)).toMatchObject({
      ok: false,
      reason: 'too_many_opt_outs',
    });
  });

  test('spends nothing by what is in force already', async () => {
    const [actor, phone] = [await giveStaff(), newPhone()];
    await spend(actor, 'opt_outs_by', 198);
    for (let n = 0; n < 5; n += 1) expect(await record(actor, phone)).toMatchObject({ ok: true });
    expect(await record(actor, newPhone())).toMatchObject({ ok: true });
    expect(await record(actor, newPhone())).toMatchObject({ ok: false, reason: 'too_many_opt_outs' });
  });
});

test('nothing is recorded without a fresh second factor, or by someone who is staff no more', async () => {
  const [actor, phone] = [await giveStaff(), newPhone()];
  expect(await record(actor, phone, {}, 601)).toEqual({ ok: false, reason: 'confirm_first' });
  await database.db.update(users).set({ role: 'applicant' }).where(eq(users.id, actor.userId));
  expect(await record(actor, phone)).toEqual({ ok: false, reason: 'not_staff' });
  expect(await database.db.$count(smsOptOuts, eq(smsOptOuts.phone, phone))).toBe(0);
  expect((await readNumber(database.db, phone))?.suppressedAt ?? null).toBeNull();
});
