import { eq, isNull, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { applicationNotices } from '@/db/schema/applications';
import { mails } from '@/db/schema/mail';
import { smsMessages } from '@/db/schema/sms';
import { answerApplication } from '@/lib/applications/add-to-timeline';
import { decideNotices } from '@/lib/applications/decide-notices';
import { followTexts } from '@/lib/applications/follow-notices';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { eraseApplications, pruneApplications } from '@/lib/applications/erase-applications';
import { deleteUser } from '@/lib/accounts/users';
import { movesFrom } from '@/lib/applications/moves';
import type { Viewer } from '@/lib/applications/who-sees';
import { newId } from '@/lib/random';
import { enqueueText, retryKey } from '@/lib/sms/outbox/text-outbox';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import {
  giveApplicant,
  giveStaff,
  giveSubmitted,
  readApplicationRow,
  readShownVersion,
} from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { password, giveSettledPerson, proveEmailOf } from '@/tests/support/settled-person';

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));
const day = 24 * 3600;

let faults: unknown[];
beforeEach(async () => {
  faults = [];
  await database.db.execute(
    sql`truncate applications, application_events, application_notices, sms_messages, mails cascade`,
  );
});

const onFault = (_notice: string, error: unknown) => void faults.push(error);
const decide = (seconds: number) => decideNotices(database.db, after(noon, seconds), { onFault });
const follow = (seconds: number) => followTexts(database.db, after(noon, seconds), { onFault });
const readTexts = () => database.db.select().from(smsMessages).orderBy(smsMessages.createdAt);
const readMails = () => database.db.select().from(mails).orderBy(mails.createdAt);

const deliver = () =>
  database.db.update(smsMessages).set({ status: 'delivered' }).where(eq(smsMessages.status, 'queued'));

type Moved = { id: string; version: number; staff: Viewer; applicant: Viewer; eventId: number };

async function move(
  about: Pick<Moved, 'id' | 'version' | 'staff' | 'applicant'>,
  to: 'in_review' | 'documents_needed' | 'approved' | 'declined',
  seconds: number,
): Promise<Moved> {
  const { id, version, staff } = about;
  const moved = await moveApplication(database.db, staff, { id, to, version, note: 'A lease' }, at(seconds));
  if (!moved.ok) throw new Error(moved.reason);
  return { ...about, version: version + 1, eventId: moved.eventId };
}

async function begin(applicant?: Viewer) {
  const person = applicant ?? (await giveApplicant(database.db));
  const staff = await giveStaff(database.db);
  return { ...(await giveSubmitted(database.db, person, noon)), staff, applicant: person };
}

describe('a change that stands', () => {
  test('is told by one text, after the undo time and not before, with nothing about what it was', async () => {
    const { id, applicant } = await move(await begin(), 'in_review', 60);
    expect(await decide(69)).toBe(0);
    expect(await readTexts()).toEqual([]);
    await decide(70);
    await decide(71);
    const texts = await readTexts();
    expect(texts).toMatchObject([
      {
        userId: applicant.userId,
        purpose: 'update',
        template: 'applicationStatus',
        params: { url: 'http://localhost:3000/applications' },
      },
    ]);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      news: 'texted',
      notices: [{ kind: 'news', state: 'texted', message_id: texts[0]!.id }],
    });
  });

  test('and what is asked for has a text of its own', async () => {
    await move(await begin(), 'documents_needed', 60);
    await decide(70);
    expect(await readTexts()).toMatchObject([{ template: 'documentsNeeded' }]);
  });

  test('an applicant’s own moves send nothing', async () => {
    const { id, applicant } = await begin();
    const shown = await readShownVersion(database.db, applicant, id, after(noon, 60));
    await moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, at(60));
    expect(await decide(day)).toBe(0);
    expect(await readTexts()).toEqual([]);
  });

  test('four processes decide about it at the same instant, and it is told once', async () => {
    for (let count = 0; count < 8; count += 1) await move(await begin(), 'in_review', 60);
    await Promise.all([decide(70), decide(70), decide(70), decide(70)]);
    await decide(71);
    expect(await readTexts()).toHaveLength(8);
    expect(faults).toEqual([]);
  });
});

describe('what does not stand', () => {
  test('goes with the news about the last move, reminders of days to come as well', async () => {
    let about = await begin();
    for (let count = 0; count < 5; count += 1) {
      about = await move(about, 'documents_needed', 60 + 20 * count);
      about = await move(about, 'in_review', 70 + 20 * count);
    }
    await move(about, 'documents_needed', 200);
    await decide(211);
    const { news, notices } = await readApplicationRow(database.db, about.id);
    expect(news).toBe('texted');
    expect(notices.filter(({ state }) => state !== 'superseded')).toMatchObject([
      { kind: 'documents', state: 'texted' },
      { kind: 'reminder', state: 'waiting' },
      { kind: 'reminder', state: 'waiting' },
    ]);
    expect(
      await database.db.select().from(applicationNotices).where(isNull(applicationNotices.decidedAt)),
    ).toHaveLength(2);
    expect(await readTexts()).toHaveLength(1);
  });

  test('is not taken back any more once news of before was left out for it', async () => {
    const { id, eventId, staff } = await move(
      await move(await begin(), 'documents_needed', 60),
      'in_review',
      65,
    );
    // Its own notice is in another process's hands when the earlier one is decided about.
    await database.db.execute(sql`
      update application_notices set due_at = due_at + interval '1 minute' where event_id = ${eventId}`);
    await decide(76);
    expect((await readApplicationRow(database.db, id)).notices[0]).toMatchObject({ state: 'superseded' });
    const answer = await undoMove(database.db, staff, { id, eventId }, at(74));
    expect(answer).toEqual({ ok: false, reason: 'too_late' });
    await decide(200);
    expect(await readTexts()).toMatchObject([{ template: 'applicationStatus' }]);
  });

  test('a move taken back is told to nobody', async () => {
    const { id, eventId, staff } = await move(await begin(), 'in_review', 60);
    await undoMove(database.db, staff, { id, eventId }, at(65));
    await decide(day);
    expect(await readTexts()).toEqual([]);
  });

  test('taken back at the very instant it is decided about: it is told or taken back, never both', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id, eventId, staff } = await move(await begin(), 'in_review', 60);
      const [undone] = await Promise.all([
        undoMove(database.db, staff, { id, eventId }, at(69)),
        // A process whose clock is ahead.
        decide(71),
      ]);
      const { status, notices } = await readApplicationRow(database.db, id);
      const told = notices.map(({ state }) => state);
      expect([status, told]).toEqual(undone.ok ? ['submitted', ['superseded']] : ['in_review', ['texted']]);
    }
    expect(faults).toEqual([]);
  });

  test('of two moves within the undo time the last is told', async () => {
    const { id } = await move(await move(await begin(), 'in_review', 60), 'approved', 64);
    await decide(75);
    expect(await readTexts()).toHaveLength(1);
    expect((await readApplicationRow(database.db, id)).notices.map(({ state }) => state)).toEqual([
      'superseded',
      'texted',
    ]);
  });

  test('a move that was overtaken by one which is taken back is told after all', async () => {
    const first = await move(await begin(), 'in_review', 60);
    const second = await move(first, 'approved', 65);
    await decide(71);
    expect(await readTexts()).toEqual([]);
    const { staff, eventId, id } = second;
    expect(await undoMove(database.db, staff, { id, eventId }, at(72))).toEqual({ ok: true });
    await decide(76);
    expect(await readTexts()).toHaveLength(1);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      status: 'in_review',
      news: 'texted',
      notices: expect.arrayContaining([
        expect.objectContaining({ state: 'texted' }),
        expect.objectContaining({ state: 'superseded' }),
      ]),
    });
  });

  test('a text that still waits for the morning makes way for newer news', async () => {
    const moved = await move(await begin(), 'in_review', 60);
    await decide(70);
    await move(moved, 'approved', 3600);
    await decide(3610);
    expect(await readTexts()).toMatchObject([
      { status: 'canceled', reason: 'superseded' },
      { status: 'queued' },
    ]);
    expect(await readApplicationRow(database.db, moved.id)).toMatchObject({
      news: 'texted',
      notices: [{ state: 'superseded' }, { state: 'texted' }],
    });
  });

  test('but not for news that has no way to go; a reminder that waits is withdrawn then, too', async () => {
    const moved = await move(await begin(), 'in_review', 60);
    await decide(70);
    const { userId } = moved.applicant;
    await database.db.execute(sql`update sms_preferences set enabled = false where user_id = ${userId}`);
    const asked = await move(moved, 'documents_needed', 3600);
    await decide(3610);
    expect(await readTexts()).toMatchObject([{ status: 'queued' }]);
    await database.db.execute(sql`update sms_preferences set enabled = true where user_id = ${userId}`);
    await deliver();
    await decide(4 * day);
    await database.db.execute(sql`update sms_preferences set enabled = false where user_id = ${userId}`);
    await move(asked, 'in_review', 4 * day + 60);
    await decide(4 * day + 100);
    expect(await readTexts()).toMatchObject([
      { status: 'delivered' },
      { template: 'documentsReminder', status: 'canceled', reason: 'superseded' },
    ]);
  });

  test('so does a repetition of a text that the carrier could not deliver just then', async () => {
    const moved = await move(await begin(), 'in_review', 60);
    await decide(70);
    const [first] = await readTexts();
    await database.db.update(smsMessages).set({ status: 'failed' });
    const { userId, phone, purpose, template, params } = first!;
    await enqueueText(database.db, {
      ...{ userId: userId!, phone, purpose: purpose as 'update', template: template as 'applicationStatus' },
      params: params as { url: string },
      dedupeKey: retryKey(first!.id),
      retryOf: first!.id,
      retries: 1,
      sendAfter: after(noon, 7200),
      now: after(noon, 100),
    });
    await move(moved, 'approved', 3600);
    await decide(3610);
    expect((await readTexts()).map(({ status, reason }) => [status, reason])).toEqual([
      ['failed', null],
      ['canceled', 'superseded'],
      ['queued', null],
    ]);
    expect((await readApplicationRow(database.db, moved.id)).notices).toMatchObject([
      { state: 'superseded' },
      { state: 'texted' },
    ]);
  });

  test.each([
    ['where the carrier fails only after newer news went', true],
    ['where it fails before that', false],
  ])('a text that is %s is repeated only as long as it is news', async (_when, isNewsNewer) => {
    const moved = await move(await begin(), 'in_review', 60);
    await decide(70);
    const [first] = await readTexts();
    const sid = `SM${'0'.repeat(31)}1`;
    await database.db.update(smsMessages).set({
      status: 'sent',
      providerSid: sid,
      sentAt: after(noon, 80),
      sender: '+15005550006',
      attempts: 1,
    });
    if (isNewsNewer) {
      await move(moved, 'approved', 100);
      await decide(110);
    }
    const busy = { sid, status: 'undelivered', errorCode: 30003, now: after(noon, 120) } as const;
    await applyStatus(database.db, { ...busy, price: null, priceUnit: null, segments: null, to: null });
    const repeated = await database.db.select().from(smsMessages).where(eq(smsMessages.retryOf, first!.id));
    expect(repeated).toHaveLength(isNewsNewer ? 0 : 1);
  });

  test('news that was put off for a later move is due at once when that one is undone', async () => {
    const first = await move(await begin(), 'in_review', 60);
    await database.db.execute(sql`
      insert into staff_preferences (user_id, undo_seconds) values (${first.staff.userId}, 120)`);
    const second = await move(first, 'approved', 65);
    await decide(71);
    const { staff, eventId, id } = second;
    expect(await undoMove(database.db, staff, { id, eventId }, at(80))).toEqual({ ok: true });
    await decide(82);
    expect(await readTexts()).toHaveLength(1);
  });

  test('who answers at night what is asked for is not asked in the morning', async () => {
    const moved = await move(await begin(), 'documents_needed', 60);
    await decide(70);
    expect(await readTexts()).toMatchObject([{ template: 'documentsNeeded', status: 'queued' }]);
    const answer = { id: moved.id, note: 'My lease' };
    expect(await answerApplication(database.db, moved.applicant, answer, at(600))).toEqual({ ok: true });
    expect(await readTexts()).toMatchObject([{ status: 'canceled', reason: 'superseded' }]);
    expect(await readApplicationRow(database.db, moved.id)).toMatchObject({
      news: 'superseded',
      notices: Array.from({ length: 3 }, () => ({ state: 'superseded' })),
    });
    await decide(11 * day);
    expect(await readTexts()).toHaveLength(1);
  });

  test('nor who answers before it is decided how they are asked; what is hidden from them goes on', async () => {
    const moved = await move(await begin(), 'documents_needed', 60);
    await move(moved, 'in_review', 100);
    expect(
      await answerApplication(database.db, moved.applicant, { id: moved.id, note: 'My lease' }, at(101)),
    ).toEqual({
      ok: true,
    });
    expect((await readApplicationRow(database.db, moved.id)).news).toBe('waiting');
    await decide(120);
    expect(await readTexts()).toMatchObject([{ template: 'applicationStatus' }]);
  });

  test('a text that went out is followed by one about the next move', async () => {
    const moved = await move(await begin(), 'in_review', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'sent' });
    await move(moved, 'approved', 3600);
    await decide(3610);
    expect((await readTexts()).map(({ status }) => status)).toEqual(['sent', 'queued']);
  });

  test('an applicant who withdraws before it is told hears nothing of it', async () => {
    const { id, applicant } = await move(await begin(), 'in_review', 60);
    const shown = await readShownVersion(database.db, applicant, id, after(noon, 65));
    const withdrawal = { id, to: 'withdrawn', version: shown } as const;
    expect(await moveApplication(database.db, applicant, withdrawal, at(65))).toMatchObject({ ok: true });
    await decide(day);
    expect(await readTexts()).toEqual([]);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      news: null,
      notices: [{ state: 'superseded' }],
    });
  });

  test('nor where the text of it still waits for the morning', async () => {
    const { id, applicant } = await move(await begin(), 'documents_needed', 60);
    await proveEmailOf(database.db, applicant);
    await decide(70);
    const shown = await readShownVersion(database.db, applicant, id, after(noon, 3600));
    await moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, at(3600));
    for (const seconds of [3610, day, 4 * day, 11 * day]) {
      await decide(seconds);
      await follow(seconds);
    }
    expect(await readTexts()).toMatchObject([{ status: 'canceled', reason: 'superseded' }]);
    expect(await readMails()).toEqual([]);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      news: 'superseded',
      notices: Array.from({ length: 3 }, () => ({ state: 'superseded' })),
    });
  });
});

describe('where no text reaches someone', () => {
  const without: Record<string, (userId: string) => ReturnType<typeof sql>> = {
    'no number': (userId) => sql`update users set phone = null where id = ${userId}`,
    'a number they have not proven': (userId) =>
      sql`update phone_numbers set holder_user_id = null where holder_user_id = ${userId}`,
    'texts off': (userId) => sql`update sms_preferences set enabled = false where user_id = ${userId}`,
    'a number that is out of service': (userId) =>
      sql`update phone_numbers set out_of_service_on = '2026-11-19' where holder_user_id = ${userId}`,
    'a number where texts find nobody': (userId) =>
      sql`update phone_numbers set dead_texts = array[now(), now(), now()] where holder_user_id = ${userId}`,
    'a STOP': (userId) =>
      sql`update phone_numbers set suppressed_at = now(), suppressed_by = 'sms_stop' where holder_user_id = ${userId}`,
  };
  test.each(Object.entries(without))('for %s, it goes by mail to a proven address', async (_why, change) => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await database.db.execute(change(about.applicant.userId));
    await move(about, 'in_review', 60);
    await decide(70);
    expect(await readTexts()).toEqual([]);
    expect(await readMails()).toMatchObject([
      { template: 'applicationNews', userId: about.applicant.userId, linkId: null },
    ]);
    expect((await readApplicationRow(database.db, about.id)).news).toBe('mailed');
  });

  test('nor mail, for want of proof, nothing goes, and it says so', async () => {
    const about = await begin();
    await database.db.execute(sql`update users set phone = null where id = ${about.applicant.userId}`);
    await move(about, 'in_review', 60);
    await decide(70);
    expect(await readMails()).toEqual([]);
    expect((await readApplicationRow(database.db, about.id)).news).toBe('unreached');
  });

  test.each(['failed', 'canceled'] as const)(
    'since the text ended as %s, the news is mailed, once',
    async (status) => {
      const about = await begin();
      await proveEmailOf(database.db, about.applicant);
      await move(about, 'in_review', 60);
      await decide(70);
      await follow(131);
      expect(await readMails()).toEqual([]);
      await database.db.update(smsMessages).set({ status, reason: 'landline' });
      await Promise.all([follow(260), follow(260), follow(400), follow(1000)]);
      expect(await readMails()).toHaveLength(1);
      expect((await readApplicationRow(database.db, about.id)).news).toBe('mailed');
    },
  );

  const giveMailed = async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await database.db.execute(sql`update users set phone = null where id = ${about.applicant.userId}`);
    const moved = await move(about, 'in_review', 60);
    await decide(70);
    return moved;
  };
  const endMail = (reason: 'refused' | 'given_up' | 'expired') =>
    database.db.update(mails).set({ endedAt: after(noon, 80), reason });

  test.each(['refused', 'given_up', 'expired'] as const)(
    'nor the mail, which ended as %s, it says so',
    async (reason) => {
      const { id } = await giveMailed();
      await follow(131);
      expect((await readApplicationRow(database.db, id)).news).toBe('mailed');
      await endMail(reason);
      await follow(400);
      expect(await readApplicationRow(database.db, id)).toMatchObject({
        news: 'unreached',
        notices: [{ state: 'unreached' }],
      });
      expect(await follow(9 * day)).toBe(0);
    },
  );

  test('a mail that waits until it is worthless counts as ended, also where nobody sends mail', async () => {
    const { id } = await giveMailed();
    await follow(6 * day);
    expect((await readApplicationRow(database.db, id)).news).toBe('mailed');
    await follow(8 * day);
    expect((await readApplicationRow(database.db, id)).news).toBe('unreached');
  });

  test('a mail that still waits makes way for newer news, and one that went does not', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await database.db.execute(sql`update users set phone = null where id = ${about.applicant.userId}`);
    const first = await move(about, 'in_review', 60);
    await decide(70);
    await database.db.update(mails).set({ sentAt: after(noon, 71) });
    const second = await move(first, 'documents_needed', 100);
    await decide(110);
    await move(second, 'in_review', 200);
    await decide(210);
    expect(await readMails()).toMatchObject([
      { template: 'applicationNews', endedAt: null },
      { template: 'documentsNeeded', endedAt: after(noon, 210), reason: 'superseded' },
      { template: 'applicationNews', endedAt: null },
    ]);
    await follow(day);
    expect(await readApplicationRow(database.db, about.id)).toMatchObject({
      news: 'mailed',
      notices: [
        { kind: 'news', state: 'mailed' },
        { kind: 'documents', state: 'superseded' },
        { kind: 'news', state: 'mailed' },
        { kind: 'reminder', state: 'superseded' },
        { kind: 'reminder', state: 'superseded' },
      ],
    });
  });

  test('an applicant who withdraws gets no mail that still waits, and one that is being sent goes', async () => {
    for (const isInHand of [false, true]) {
      const about = await begin();
      await proveEmailOf(database.db, about.applicant);
      await database.db.execute(sql`update users set phone = null where id = ${about.applicant.userId}`);
      const { id, applicant } = await move(about, 'in_review', 60);
      await decide(70);
      // Leases go by the database's clock.
      const leasedUntil = sql`now() + interval '1 minute'`;
      if (isInHand) await database.db.update(mails).set({ leaseId: newId(), leasedUntil });
      const shown = await readShownVersion(database.db, applicant, id, after(noon, 100));
      await moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, at(100));
      expect(await readApplicationRow(database.db, id)).toMatchObject({
        news: isInHand ? 'mailed' : 'superseded',
        notices: [{ state: isInHand ? 'mailed' : 'superseded' }],
      });
    }
  });

  test('a mail that went is looked at no more, and one that did not says nothing about newer news', async () => {
    const first = await giveMailed();
    await database.db.update(mails).set({ sentAt: after(noon, 80) });
    await follow(400);
    expect(await follow(9 * day)).toBe(0);
    expect((await readApplicationRow(database.db, first.id)).news).toBe('mailed');
    const second = await giveMailed();
    await database.db
      .update(mails)
      .set({ endedAt: after(noon, 80), reason: 'refused' })
      .where(isNull(mails.sentAt));
    await move(second, 'approved', 100);
    await decide(120);
    await follow(140);
    expect(await readApplicationRow(database.db, second.id)).toMatchObject({
      news: 'mailed',
      notices: [{ state: 'unreached' }, { state: 'mailed' }],
    });
  });

  test('the mail that goes since the text failed is followed as well', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await move(about, 'in_review', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'failed' });
    await follow(131);
    expect((await readApplicationRow(database.db, about.id)).news).toBe('mailed');
    await endMail('refused');
    await follow(400);
    expect((await readApplicationRow(database.db, about.id)).news).toBe('unreached');
  });

  test('a text that is repeated counts by its repetition', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await move(about, 'in_review', 60);
    await decide(70);
    const [first] = await readTexts();
    await database.db.update(smsMessages).set({ status: 'failed' });
    const again = { ...first!, id: '00000000-0000-4000-8000-000000000001', createdAt: after(noon, 80) };
    await database.db
      .insert(smsMessages)
      .values({ ...again, retryOf: first!.id, dedupeKey: `retry:${first!.id}`, status: 'queued' });
    await follow(131);
    expect(await readMails()).toEqual([]);
    await database.db.update(smsMessages).set({ status: 'delivered' }).where(eq(smsMessages.id, again.id));
    await follow(1000);
    await follow(9000);
    expect(await readMails()).toEqual([]);
  });

  test('no receipt within three days counts as not delivered', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await move(about, 'in_review', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'sent', sentAt: after(noon, 80) });
    for (let hours = 1; hours < 72; hours += 1) await follow(hours * 3600);
    expect(await readMails()).toEqual([]);
    await follow(74 * 3600);
    expect(await readMails()).toHaveLength(1);
  });

  test('where someone holds its application, it is looked at again in seconds, not in an hour', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await move(about, 'in_review', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'failed' });
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`select from applications where id = ${about.id} for update`);
      await follow(10 * 3600);
    });
    expect(await readMails()).toEqual([]);
    await follow(10 * 3600 + 10);
    expect(await readMails()).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  test('a text that failed after newer news went out is not mailed', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    const moved = await move(about, 'in_review', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'sent', sentAt: after(noon, 80) });
    await move(moved, 'approved', 100);
    await decide(110);
    await database.db.update(smsMessages).set({ status: 'failed' }).where(eq(smsMessages.status, 'sent'));
    await follow(400);
    expect(await readMails()).toEqual([]);
  });
});

describe('reminders', () => {
  const documents = async () => {
    const moved = await move(await begin(), 'documents_needed', 60);
    await decide(70);
    await deliver();
    return moved;
  };

  test('go once after three days and once after ten', async () => {
    await documents();
    await decide(3 * day);
    expect(await readTexts()).toHaveLength(1);
    for (let days = 4; days < 40; days += 1) {
      await decide(days * day);
      await deliver();
    }
    expect((await readTexts()).map(({ template }) => template)).toEqual([
      'documentsNeeded',
      'documentsReminder',
      'documentsReminder',
    ]);
  });

  test('neither withdraw nor follow a request whose text still waits, whether reminders are on or off', async () => {
    for (const reminders of [true, false]) {
      const about = await begin();
      const { userId } = about.applicant;
      await proveEmailOf(database.db, about.applicant);
      await database.db.execute(
        sql`update sms_preferences set reminders = ${reminders} where user_id = ${userId}`,
      );
      const asked = await move(about, 'documents_needed', 60);
      await decide(70);
      await follow(3 * day);
      await decide(3 * day + 100);
      await follow(3 * day + 300);
      expect((await readTexts()).filter((text) => text.userId === userId)).toMatchObject([
        { template: 'documentsNeeded', status: 'queued' },
      ]);
      expect(await readApplicationRow(database.db, asked.id)).toMatchObject({
        news: 'texted',
        notices: [{ state: 'texted' }, { state: 'superseded' }, { state: 'waiting' }],
      });
    }
    expect(await readMails()).toEqual([]);
  });

  test('that fall due together with the request, since nobody decided for days, are not sent beside it', async () => {
    const { id, applicant } = await move(await begin(), 'documents_needed', 60);
    await proveEmailOf(database.db, applicant);
    for (const seconds of [4 * day, 4 * day + 100]) {
      await decide(seconds);
      await follow(seconds);
    }
    expect(await readTexts()).toMatchObject([{ template: 'documentsNeeded', status: 'queued' }]);
    expect((await readApplicationRow(database.db, id)).news).toBe('texted');
  });

  test('wait until it is decided how the request goes', async () => {
    const { id } = await move(await begin(), 'documents_needed', 60);
    await database.db.execute(sql`
      update application_notices set due_at = ${after(noon, 3 * day + 90).toISOString()}::timestamptz
      where application_id = ${id} and kind = 'documents'`);
    await decide(3 * day + 80);
    expect(await readTexts()).toEqual([]);
    await decide(3 * day + 100);
    await decide(3 * day + 200);
    expect(await readTexts()).toMatchObject([{ template: 'documentsNeeded', status: 'queued' }]);
    expect((await readApplicationRow(database.db, id)).notices.map(({ state }) => state).sort()).toEqual([
      'superseded',
      'texted',
      'waiting',
    ]);
  });

  test('that were turned off come by mail neither', async () => {
    const { applicant } = await documents();
    await proveEmailOf(database.db, applicant);
    await database.db.execute(
      sql`update sms_preferences set reminders = false where user_id = ${applicant.userId}`,
    );
    await decide(40 * day);
    expect(await readTexts()).toHaveLength(1);
    expect(await readMails()).toEqual([]);
  });

  test('and requests that are answered are not mailed, whatever becomes of their texts', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    const { id, applicant } = await move(about, 'documents_needed', 60);
    await decide(70);
    await database.db.update(smsMessages).set({ status: 'sent', sentAt: after(noon, 80) });
    await decide(3 * day + 70);
    await answerApplication(database.db, applicant, { id, note: 'Here' }, at(3 * day + 71));
    await database.db.update(smsMessages).set({ status: 'failed' });
    await follow(4 * day);
    await follow(9 * day);
    expect(await readMails()).toEqual([]);
  });

  test('that were turned off while their text waited come by mail neither', async () => {
    const about = await begin();
    await proveEmailOf(database.db, about.applicant);
    await move(about, 'documents_needed', 60);
    await decide(70);
    await deliver();
    await decide(3 * day + 70);
    await database.db.execute(
      sql`update sms_preferences set reminders = false where user_id = ${about.applicant.userId}`,
    );
    await database.db
      .update(smsMessages)
      .set({ status: 'canceled', reason: 'turned_off' })
      .where(eq(smsMessages.status, 'queued'));
    await follow(4 * day);
    await follow(9 * day);
    expect(await readMails()).toEqual([]);
  });

  test('end with an answer, and with any move', async () => {
    const answered = await documents();
    const { id, applicant } = answered;
    await answerApplication(database.db, applicant, { id, note: 'Here' }, at(day));
    await move(await documents(), 'in_review', day);
    await decide(2 * day);
    const before = (await readTexts()).length;
    await decide(40 * day);
    expect(await readTexts()).toHaveLength(before);
  });

  test('end with an answer also where one waits for the morning, and the text that asked is as it was', async () => {
    const { id, applicant } = await documents();
    await decide(4 * day);
    await answerApplication(database.db, applicant, { id, note: 'Here' }, at(4 * day + 3600));
    for (const seconds of [4 * day + 7200, 40 * day]) {
      await decide(seconds);
      await follow(seconds);
    }
    expect(await readTexts()).toMatchObject([
      { template: 'documentsNeeded', status: 'delivered' },
      { template: 'documentsReminder', status: 'canceled', reason: 'superseded' },
    ]);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      news: 'texted',
      notices: [{ state: 'texted' }, { state: 'superseded' }, { state: 'superseded' }],
    });
  });
});

test('an application of a deleted person is removed when it is old, also where its decision was taken back afterwards', async () => {
  const reviewed = await move(await begin(), 'in_review', 60);
  const { id, staff, eventId } = await move(reviewed, 'approved', 120);
  await database.db.transaction(async (tx) => {
    await eraseApplications(tx, reviewed.applicant.userId, after(noon, 122));
    await deleteUser(tx, reviewed.applicant.userId);
  });
  expect(await undoMove(database.db, staff, { id, eventId }, at(125))).toEqual({ ok: true });
  expect((await readApplicationRow(database.db, id)).status).toBe('in_review');
  const open = await begin();
  expect(await pruneApplications(database.db, after(noon, 60), 10)).toBe(0);
  expect(await pruneApplications(database.db, after(noon, 200), 10)).toBe(1);
  expect((await readApplicationRow(database.db, open.id)).status).toBe('submitted');
});

test('a reminder that is over says nothing of what became of the last news', async () => {
  const about = await begin();
  await database.db.execute(sql`update users set phone = null where id = ${about.applicant.userId}`);
  const asked = await move(about, 'documents_needed', 60);
  await decide(70);
  const moved = await move(asked, 'in_review', day);
  await decide(day + 10);
  await decide(40 * day);
  expect(await readApplicationRow(database.db, moved.id)).toMatchObject({ news: 'unreached' });
  const undone = await move(moved, 'approved', 41 * day);
  const { staff, id, eventId } = undone;
  await undoMove(database.db, staff, { id, eventId }, at(41 * day + 5));
  expect(await readApplicationRow(database.db, id)).toMatchObject({ news: 'unreached' });
});

test('a notice that cannot be handled keeps no other from being decided, and is given up after five tries', async () => {
  const broken = await move(await begin(), 'in_review', 60);
  await database.db.execute(
    sql`update application_notices set kind = 'odd' where application_id = ${broken.id}`,
  );
  const good = await move(await begin(), 'in_review', 61);
  await decide(75);
  expect((await readApplicationRow(database.db, good.id)).news).toBe('texted');
  for (let hours = 1; hours < 48; hours += 1) await decide(hours * 3600);
  expect(faults).toHaveLength(5);
  expect(await readApplicationRow(database.db, broken.id)).toMatchObject({
    news: 'unreached',
    notices: [{ state: 'unreached' }],
  });
});

test.each([-2147483648, 2147483647])('nor does one whose count of faults is %i', async (count) => {
  const broken = await move(await begin(), 'in_review', 60);
  await database.db.execute(
    sql`update application_notices set kind = 'odd', faults = ${count} where application_id = ${broken.id}`,
  );
  const good = await move(await begin(), 'in_review', 61);
  await decide(75);
  expect((await readApplicationRow(database.db, good.id)).news).toBe('texted');
  for (let hours = 1; hours < 48; hours += 1) await decide(hours * 3600);
  expect((await readApplicationRow(database.db, broken.id)).news).toBe('unreached');
});

test('an account that is deleted takes its drafts along, and nothing is sent about what it had handed in', async () => {
  const person = await giveSettledPerson(database.db);
  const applicant = { userId: person.userId, role: 'applicant' as const };
  const moved = await move(await begin(applicant), 'in_review', 60);
  const wish = { currentPassword: password, confirmed: true };
  const deleted = await deleteAccount(database.db, person, wish, at(65));
  expect(deleted).toMatchObject({ ok: true });
  await decide(day);
  expect(await readTexts()).toEqual([]);
  expect(await readApplicationRow(database.db, moved.id)).toMatchObject({ status: 'withdrawn' });
});

describe('whatever the operator’s people do, and whoever decides in between', () => {
  type Act = { kind: 'move' | 'undo' | 'withdraw' | 'answer' | 'decide' | 'pass'; pick: number };
  const acts = fc.array(
    fc.record<Act>({
      kind: fc.constantFrom('move', 'move', 'move', 'undo', 'withdraw', 'answer', 'decide', 'decide', 'pass'),
      pick: fc.nat(1000),
    }),
    { minLength: 5, maxLength: 40 },
  );

  test('each change that stands is told exactly once, and nothing else is', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (script) => {
        await database.db.execute(
          sql`truncate applications, application_events, application_notices, sms_messages cascade`,
        );
        const { id, staff, applicant, ...begun } = await begin();
        let { version } = begun;
        let seconds = 60;
        let lastEvent: number | null = null;
        for (const { kind, pick } of script) {
          seconds += pick % 7;
          const { status } = await readApplicationRow(database.db, id);
          const context = at(seconds);
          if (kind === 'move') {
            const to = movesFrom(status, 'staff').filter((each) => each !== 'withdrawn');
            if (to.length === 0) continue;
            const wanted = { id, to: to[pick % to.length]!, version, note: 'x' };
            const answer = await moveApplication(database.db, staff, wanted, context);
            if (!answer.ok) throw new Error(answer.reason);
            lastEvent = answer.eventId;
          } else if (kind === 'undo' && lastEvent !== null) {
            await undoMove(database.db, staff, { id, eventId: lastEvent }, context);
          } else if (kind === 'withdraw' && pick % 5 === 0) {
            const shown = await readShownVersion(database.db, applicant, id, context.now);
            await moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, context);
          } else if (kind === 'answer') {
            await answerApplication(database.db, applicant, { id, note: 'x' }, context);
          } else if (kind === 'decide') {
            await Promise.all([decide(seconds), decide(seconds)]);
            if (pick % 2 === 0) await deliver();
          } else seconds += 15;
          ({ version } = await readApplicationRow(database.db, id));
        }
        await decide(seconds + 200);
        expect(faults).toEqual([]);
        const { rows: events } = await database.db.execute<{
          id: string;
          by: string;
          undone: boolean;
          told: string[];
          is_last: boolean;
          is_answered: boolean;
        }>(sql`
          select e.id, e.actor_role as by, e.undone_at is not null as undone,
            e.to_status = 'documents_needed' and exists (select from application_events a
              where a.application_id = e.application_id and a.kind = 'answered' and a.at >= e.shows_at) as is_answered,
            array(select n.state from application_notices n where n.event_id = e.id and n.kind <> 'reminder') as told,
            not exists (select from application_events later where later.application_id = e.application_id
              and later.id > e.id and later.kind = 'moved' and later.undone_at is null) as is_last
          from application_events e where e.application_id = ${id} and e.kind = 'moved' order by e.id`);
        for (const { by, undone, told, is_last: isLast, is_answered: isAnswered } of events) {
          if (by === 'applicant') expect(told).toEqual([]);
          else if (undone) expect(told).toEqual(['superseded']);
          else if (isLast && !isAnswered) expect(told).toEqual(['texted']);
          else expect(told).toHaveLength(1);
        }
        // One text for each that was told; what made way is withdrawn.
        const texts = (await readTexts()).filter(({ status }) => status !== 'canceled');
        const { rows: told } = await database.db.execute(
          sql`select from application_notices where state = 'texted'`,
        );
        expect(texts).toHaveLength(told.length);
        expect(texts.filter(({ status }) => status === 'queued').length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    );
  }, 240_000);
});
