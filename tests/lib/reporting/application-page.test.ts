import { describe, expect, test } from 'vitest';
import { addNote, answerApplication, assignApplication } from '@/lib/applications/add-to-timeline';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { submitApplication, openForSomeone } from '@/lib/applications/write-application';
import { readMail } from '@/lib/mail/read-mail';
import { readApplicationPage, readLastChange } from '@/lib/reporting/application-page';
import { countSegments } from '@/lib/sms/outbox/segments';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, proveEmailOf, readTexts } from '@/tests/support/settled-person';

const database = useDatabase();

/** Seven in the morning in New York: quiet until nine. */
const dawn = noon;
const day = new Date('2026-11-20T17:00:00Z');

type Viewer = { userId: string; role: 'applicant' | 'broker' | 'staff' | 'admin' };

async function giveViewer(role: Viewer['role']): Promise<Viewer> {
  const { userId } = await giveSettledPerson(database.db, { role, phone: null });
  return { userId, role };
}

async function givePeople(texts = true) {
  const applicant = await giveSettledPerson(database.db, { texts });
  const owner: Viewer = { userId: applicant.userId, role: 'applicant' };
  const [staff, broker] = [await giveViewer('staff'), await giveViewer('broker')];
  const draft = { id: null, version: null, title: 'A flat', message: 'We are three people.' };
  const submitted = await submitApplication(database.db, owner, draft, contextAt(dawn));
  if (!submitted.ok) throw new Error(submitted.reason);
  const { id } = submitted;
  const assignee = { id, assigneeId: broker.userId, seenAssigneeId: null, version: 2 };
  expect(await assignApplication(database.db, staff, assignee, contextAt(dawn))).toEqual({ ok: true });
  return { applicant, owner, staff, broker, id };
}

const read = async (viewer: Viewer, id: string, now = day) => {
  const page = await readApplicationPage(database.db, viewer, id, { eventsBefore: null, now });
  if (page === null) throw new Error('Not seen');
  return page;
};

const move = async (viewer: Viewer, id: string, to: 'in_review' | 'documents_needed', now: Date) => {
  const { version } = (await read(viewer, id, now)).application;
  const notes = { note: 'For you.', internalNote: viewer.role === 'broker' ? null : 'For us.' };
  const moved = await moveApplication(database.db, viewer, { id, to, version, ...notes }, contextAt(now));
  if (!moved.ok) throw new Error(moved.reason);
  return moved;
};

const ignore = { onFault: (_: string, error: unknown) => expect(error).toBeNull() };

describe('the page of an application', () => {
  test('is read by staff, and by the broker who sees to it, and by nobody else', async () => {
    const { id, broker, staff } = await givePeople();
    expect((await read(staff, id)).application.id).toBe(id);
    expect((await read(broker, id)).application.id).toBe(id);
    const others = [await giveViewer('broker'), await giveViewer('applicant')];
    for (const viewer of others) {
      expect(await readApplicationPage(database.db, viewer, id, { eventsBefore: null, now: day })).toBeNull();
    }
  });

  test('tells brokers no internal note, nor who was given it, and offers them no decision', async () => {
    const { id, broker, staff } = await givePeople();
    await move(staff, id, 'in_review', day);
    await addNote(database.db, staff, { id, note: null, internalNote: 'Secret.' }, contextAt(day));
    const theirs = await read(broker, id, after(day, 1));
    expect(JSON.stringify(theirs)).not.toMatch(/Secret|For us/);
    expect(theirs.events.map(({ kind }) => kind)).toEqual(['moved', 'moved']);
    expect(theirs.moves.map(({ to }) => to)).toEqual(['documents_needed']);
    expect(theirs.assignable).toEqual([]);
    const all = await read(staff, id, after(day, 1));
    expect(all.events.map(({ kind }) => kind)).toEqual(['noted', 'moved', 'assigned', 'moved']);
    expect(all.events[0]!.internalNote).toBe('Secret.');
    expect(all.events[1]!.internalNote).toBe('For us.');
    expect(all.moves.map(({ to }) => to)).toEqual(['documents_needed', 'approved', 'declined', 'withdrawn']);
  });

  test.each([8, 98, 99_998])(
    'offers to undo the last move, also where its number has a digit more than the one before (%i)',
    async (first) => {
      await database.pool.query('truncate application_events cascade');
      await database.pool.query(`alter table application_events alter column id restart with ${first}`);
      const { id, broker } = await givePeople();
      const { eventId } = await move(broker, id, 'in_review', day);
      expect(eventId).toBe(first + 2);
      expect((await read(broker, id, after(day, 1))).undo?.eventId).toBe(eventId);
    },
  );

  test('says until when a move is hidden and can be undone by who made it, and marks it when it was', async () => {
    const { id, staff, broker } = await givePeople();
    const { eventId, undoUntil } = await move(broker, id, 'in_review', day);
    const mine = await read(broker, id, after(day, 9));
    expect(mine.undo).toEqual({ eventId, to: 'in_review', until: undoUntil });
    expect(mine.events[0]).toMatchObject({ hiddenUntil: undoUntil, undoneAt: null });
    expect(mine.events[0]!.notices).toMatchObject([{ kind: 'news', state: 'waiting' }]);
    expect((await read(staff, id, after(day, 9))).undo).toBeNull();
    expect((await read(broker, id, after(day, 10))).undo).toBeNull();
    expect((await read(broker, id, after(day, 10))).events[0]!.hiddenUntil).toBeNull();

    expect(await undoMove(database.db, broker, { id, eventId }, contextAt(after(day, 9)))).toEqual({
      ok: true,
    });
    const undone = await read(staff, id, after(day, 9));
    expect(undone.events[0]).toMatchObject({ undoneAt: after(day, 9), hiddenUntil: null });
    expect(undone.events[0]!.notices).toMatchObject([{ state: 'superseded' }]);
    expect(undone.application.status).toBe('submitted');
    expect(undone.undo).toBeNull();
    expect(await readLastChange(database.db, staff, id)).toMatchObject({
      kind: 'undone',
      actor: 'Settled Person',
      status: 'submitted',
    });
  });

  test('shows an answer until somebody moves it on', async () => {
    const { id, owner, staff } = await givePeople();
    await move(staff, id, 'documents_needed', day);
    expect((await read(staff, id)).isAnswered).toBe(false);
    const answer = { id, note: 'Here they are.' };
    expect(await answerApplication(database.db, owner, answer, contextAt(after(day, 60)))).toEqual({
      ok: true,
    });
    expect((await read(staff, id, after(day, 61))).isAnswered).toBe(true);
    expect(await readLastChange(database.db, staff, id)).toMatchObject({ kind: 'answered', actor: null });
    await move(staff, id, 'in_review', after(day, 120));
    expect((await read(staff, id, after(day, 121))).isAnswered).toBe(false);
  });

  test('shows nobody their own, and offers no text to people without an account', async () => {
    const staff = await giveViewer('staff');
    const opened = { name: 'Pat Paper', title: 'A flat', message: 'By letter.' };
    const answer = await openForSomeone(database.db, staff, opened, contextAt(day));
    if (!answer.ok) throw new Error(answer.reason);
    const { id } = answer;
    const page = await read(staff, id);
    expect(page.applicant).toEqual({ kind: 'no_account', name: 'Pat Paper' });
    expect(page.reach).toMatchObject({ noText: 'no_account', byMail: false });
    expect(page.moves.map(({ preview }) => preview)).toEqual(page.moves.map(() => ({ by: 'nothing' })));
    await database.pool.query('update applications set applicant_id = $1 where id = $2', [staff.userId, id]);
    expect(await readApplicationPage(database.db, staff, id, { eventsBefore: null, now: day })).toBeNull();
  });

  test('leads on to older events, each shown once', async () => {
    const { id, staff } = await givePeople();
    for (let n = 0; n < 43; n += 1) {
      await addNote(database.db, staff, { id, note: `Note ${n}`, internalNote: null }, contextAt(day));
    }
    const seen: (string | null)[] = [];
    let eventsBefore: number | null = null;
    do {
      const page = await readApplicationPage(database.db, staff, id, { eventsBefore, now: day });
      seen.push(...page!.events.map(({ note }) => note));
      eventsBefore = page!.olderEvents;
    } while (eventsBefore !== null);
    expect(seen.filter((note) => note !== null)).toEqual(
      Array.from({ length: 43 }, (_, n) => `Note ${42 - n}`),
    );
  });
});

describe('what the applicant would hear', () => {
  test('is the very text that goes out, with its price, after the undo time', async () => {
    const { id, staff, applicant } = await givePeople();
    const page = await read(staff, id);
    expect(page.reach).toMatchObject({ noText: null, quietUntil: null, timeZone: 'America/New_York' });
    const { preview } = page.moves.find(({ to }) => to === 'in_review')!;
    if (preview.by !== 'text') throw new Error(preview.by);
    expect(preview).toMatchObject({ arrivesAt: after(day, 10), isHeld: false });
    expect(preview.segments).toBe(countSegments(preview.body));
    expect(preview.priceMicros).toBe(preview.segments * 7_900);
    await move(staff, id, 'in_review', day);
    await decideNotices(database.db, after(day, 11), ignore);
    const [text] = await readTexts(database.db, applicant.phone!);
    expect(text!.template).toBe('applicationStatus');
    const params = text!.params as { site: string; url: string };
    expect(preview.body).toContain(params.site);
    expect(preview.body).toContain(params.url);
    const [event] = (await read(staff, id, after(day, 12))).events;
    expect(event!.notices).toMatchObject([{ state: 'texted', textStatus: 'queued' }]);
    await database.pool.query(`update sms_messages set status = 'failed' where id = $1`, [text!.id]);
    await database.pool.query(
      `insert into sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, status, retry_of, dedupe_key)
       select gen_random_uuid(), user_id, phone, purpose, template, params, created_at + interval '1 minute', send_after,
         'delivered', id, 'retry:' || id from sms_messages where id = $1`,
      [text!.id],
    );
    const [later] = (await read(staff, id, after(day, 120))).events;
    expect(later!.notices).toMatchObject([{ state: 'texted', textStatus: 'delivered' }]);
  });

  test('waits for the end of their quiet hours', async () => {
    const { id, staff } = await givePeople();
    const page = await read(staff, id, dawn);
    const nine = new Date('2026-11-20T14:00:00Z');
    expect(page.reach.quietUntil).toEqual(nine);
    expect(page.moves.map(({ preview }) => preview)).toEqual(
      page.moves.map(() => expect.objectContaining({ by: 'text', arrivesAt: nine, isHeld: true })),
    );
    // A move just before quiet hours is heard of only after them: the undo time comes first.
    const evening = new Date('2026-11-21T00:59:55Z');
    const late = await read(staff, id, evening);
    expect(late.reach.quietUntil).toBeNull();
    expect(late.moves[0]!.preview).toMatchObject({ arrivesAt: new Date('2026-11-21T14:00:00Z') });
  });

  test('goes by email to those who opted out of texts, and to nobody who is not reached by either', async () => {
    const { id, staff, applicant } = await givePeople();
    await database.pool.query(
      `update phone_numbers set suppressed_at = now(), suppressed_by = 'sms_stop' where number = $1`,
      [applicant.phone],
    );
    expect(await read(staff, id)).toMatchObject({ reach: { noText: 'stopped', byMail: false } });
    expect((await read(staff, id)).moves[0]!.preview).toEqual({ by: 'nothing' });
    await proveEmailOf(database.db, applicant);
    expect(await read(staff, id)).toMatchObject({ reach: { noText: 'stopped', byMail: true } });
    const { version } = (await read(staff, id)).application;
    for (const [to, template] of [
      ['in_review', 'applicationNews'],
      ['documents_needed', 'documentsNeeded'],
    ] as const) {
      const { preview } = (await read(staff, id)).moves.find((move) => move.to === to)!;
      if (preview.by !== 'mail') throw new Error(preview.by);
      const moved = await moveApplication(
        database.db,
        staff,
        { id, to, note: 'A lease', version: to === 'in_review' ? version : version + 1 },
        contextAt(day),
      );
      expect(moved.ok).toBe(true);
      await decideNotices(database.db, after(day, 60), { onFault: (_id, error) => expect(error).toBeNull() });
      const { rows } = await database.pool.query<{ template: string; params: Record<string, string> }>(
        'select template, params from mails where user_id = $1 and template = $2',
        [applicant.userId, template],
      );
      expect(rows).toHaveLength(1);
      const { subject, text } = readMail({ ...rows[0]!, link: null });
      expect(preview).toEqual({ by: 'mail', subject, text: text.trim() });
    }
    await database.pool.query('update users set deactivated_at = now() where id = $1', [applicant.userId]);
    expect(await read(staff, id)).toMatchObject({ reach: { noText: 'deactivated', byMail: false } });
  });

  test('names the reason where texts were never asked for', async () => {
    const { id, staff } = await givePeople(false);
    expect((await read(staff, id)).reach.noText).toBe('no_consent');
  });
});
