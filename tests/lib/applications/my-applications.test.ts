import { describe, expect, test } from 'vitest';
import { answerApplication, addNote, assignApplication } from '@/lib/applications/add-to-timeline';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import type { ApplicationStatus } from '@/lib/applications/moves';
import {
  listMyApplications,
  listMyEvents,
  readMyApplication,
  readMyApplicationsPage,
} from '@/lib/applications/my-applications';
import { saveUndoSeconds, undoTime } from '@/lib/applications/undo-time';
import type { Viewer } from '@/lib/applications/who-sees';
import { saveDraft, submitApplication } from '@/lib/applications/write-application';
import { newId } from '@/lib/random';
import { useDatabase } from '../../support/database';
import { after, contextAt, givePerson, noon } from '../../support/people';

const database = useDatabase();

async function giveViewer<R extends 'applicant' | 'staff'>(role: R): Promise<Viewer & { role: R }> {
  const { userId } = await givePerson(database.db, { active: true, role });
  return { userId, role };
}

/** An application that was handed in at noon. */
async function giveSubmitted(applicant: Viewer, title = 'A home'): Promise<string> {
  const draft = { id: null, version: null, title, message: 'Please.' };
  const submitted = await submitApplication(database.db, applicant, draft, contextAt(noon));
  if (!submitted.ok) throw new Error(submitted.reason);
  return submitted.id;
}

/** Moves an application as it is now, whatever was done to it before. */
async function move(viewer: Viewer, id: string, to: ApplicationStatus, at: Date, note?: string) {
  const { rows } = await database.pool.query<{ version: number }>(
    'select version from applications where id = $1',
    [id],
  );
  const version = rows[0]!.version;
  const moved = await moveApplication(database.db, viewer, { id, to, version, note }, contextAt(at));
  if (!moved.ok) throw new Error(moved.reason);
  return moved;
}

const see = async (applicant: Viewer, id: string, at: Date) =>
  (await readMyApplication(database.db, applicant.userId, id, at))!;

/** Its statuses as the timeline has them. */
async function seeMoves(applicant: Viewer, id: string, at: Date) {
  const events = await listMyEvents(database.db, applicant.userId, id, at);
  return events.map(({ kind, toStatus }) => toStatus ?? kind);
}

describe('a move by staff', () => {
  test('is nowhere to be seen by the applicant until its undo time is over, and then everywhere at once', async () => {
    const { db } = database;
    const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
    const id = await giveSubmitted(applicant);
    const at = after(noon, 60);
    const { undoUntil } = await move(staff, id, 'in_review', at);
    expect(undoUntil).toEqual(after(at, undoTime.usual));
    const before = after(at, undoTime.usual - 1);
    expect(await see(applicant, id, before)).toMatchObject({
      application: { status: 'submitted', since: noon },
      may: { edit: false, submit: false, answer: false, withdraw: true },
    });
    expect(await seeMoves(applicant, id, before)).toEqual(['submitted']);
    expect(await listMyApplications(db, applicant.userId, before, { limit: 5 })).toMatchObject([
      { status: 'submitted', since: noon },
    ]);
    expect((await see(applicant, id, undoUntil!)).application).toMatchObject({
      status: 'in_review',
      since: at,
    });
    expect(await seeMoves(applicant, id, undoUntil!)).toEqual(['submitted', 'in_review']);
    expect(await listMyApplications(db, applicant.userId, undoUntil!, { limit: 5 })).toMatchObject([
      { status: 'in_review', since: at },
    ]);
  });

  test('is hidden for as long as its maker chose', async () => {
    const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
    await saveUndoSeconds(database.db, staff.userId, undoTime.longest);
    const id = await giveSubmitted(applicant);
    await move(staff, id, 'in_review', noon);
    const last = after(noon, undoTime.longest);
    expect((await see(applicant, id, after(last, -1))).application.status).toBe('submitted');
    expect((await see(applicant, id, last)).application.status).toBe('in_review');
  });

  test('that was taken back was never there', async () => {
    const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
    const id = await giveSubmitted(applicant);
    const { eventId } = await move(staff, id, 'in_review', noon);
    expect(await undoMove(database.db, staff, { id, eventId }, contextAt(after(noon, 5)))).toEqual({
      ok: true,
    });
    expect((await see(applicant, id, after(noon, 3600))).application).toMatchObject({
      status: 'submitted',
      since: noon,
    });
    expect(await seeMoves(applicant, id, after(noon, 3600))).toEqual(['submitted']);
  });

  test('that asks for something can be answered from when it is seen on', async () => {
    const { db } = database;
    const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
    const id = await giveSubmitted(applicant);
    await move(staff, id, 'documents_needed', noon, 'Your lease.');
    const seenAt = after(noon, undoTime.usual);
    expect((await see(applicant, id, after(seenAt, -1))).may.answer).toBe(false);
    expect(await see(applicant, id, seenAt)).toMatchObject({
      application: { status: 'documents_needed', isAnswered: false },
      may: { answer: true, withdraw: true },
    });
    const answer = { id, note: 'It is in the mail.' };
    await answerApplication(db, applicant, answer, contextAt(after(seenAt, 60)));
    const page = await see(applicant, id, after(seenAt, 60));
    expect(page).toMatchObject({ application: { isAnswered: true }, may: { answer: true } });
    expect(page.events.map(({ kind, note, isMine, byText }) => [kind, note, isMine, byText])).toEqual([
      ['moved', null, true, false],
      ['moved', 'Your lease.', false, false],
      ['answered', 'It is in the mail.', true, false],
    ]);
  });

  test('that asks again makes an earlier answer one of before, from when it is seen on', async () => {
    const { db } = database;
    const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
    const id = await giveSubmitted(applicant);
    await move(staff, id, 'documents_needed', noon, 'Your lease.');
    await answerApplication(db, applicant, { id, note: 'Sent.' }, contextAt(after(noon, 60)));
    await move(staff, id, 'in_review', after(noon, 120));
    await move(staff, id, 'documents_needed', after(noon, 180), 'Your other lease.');
    expect((await see(applicant, id, after(noon, 600))).application).toMatchObject({
      status: 'documents_needed',
      isAnswered: false,
    });
  });
});

test('internal notes, and who sees to it, are not in the timeline; notes for the applicant are', async () => {
  const { db } = database;
  const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
  const id = await giveSubmitted(applicant);
  const secret = { id, note: null, internalNote: 'Looks odd.' };
  await addNote(db, staff, secret, contextAt(after(noon, 1)));
  const both = { id, note: 'We got your call.', internalNote: 'Called at ten.' };
  await addNote(db, staff, both, contextAt(after(noon, 2)));
  const assignment = { id, assigneeId: staff.userId, seenAssigneeId: null, version: 2 };
  expect(await assignApplication(db, staff, assignment, contextAt(after(noon, 3)))).toMatchObject({
    ok: true,
  });
  const { events } = await see(applicant, id, after(noon, 60));
  expect(events.map(({ kind, note }) => [kind, note])).toEqual([
    ['moved', null],
    ['noted', 'We got your call.'],
  ]);
  expect(JSON.stringify(events)).not.toMatch(/odd|ten|staff/);
});

test('a draft can be written and submitted, and what was decided cannot be withdrawn', async () => {
  const { db } = database;
  const [applicant, staff] = [await giveViewer('applicant'), await giveViewer('staff')];
  const draft = { id: null, version: null, title: 'A home', message: '' };
  const saved = await saveDraft(db, applicant, draft, contextAt(noon));
  if (!saved.ok) throw new Error(saved.reason);
  expect(await see(applicant, saved.id, noon)).toMatchObject({
    application: { status: 'draft', since: noon },
    events: [],
    may: { edit: true, submit: true, answer: false, withdraw: true },
  });
  const id = await giveSubmitted(applicant);
  await move(staff, id, 'in_review', noon);
  await move(staff, id, 'approved', after(noon, 60));
  expect(await see(applicant, id, after(noon, 600))).toMatchObject({
    application: { status: 'approved' },
    may: { edit: false, submit: false, answer: false, withdraw: false },
  });
});

test('an application of someone else is not there, nor is its timeline, nor one that does not exist', async () => {
  const { db } = database;
  const [applicant, other] = [await giveViewer('applicant'), await giveViewer('applicant')];
  const id = await giveSubmitted(applicant);
  expect(await readMyApplication(db, other.userId, id, after(noon, 60))).toBeNull();
  expect(await listMyEvents(db, other.userId, id, after(noon, 60))).toEqual([]);
  expect(await listMyApplications(db, other.userId, after(noon, 60), { limit: 5 })).toEqual([]);
  for (const none of [newId(), '', 'new', "'; drop table users; --"]) {
    expect(await readMyApplication(db, applicant.userId, none, noon)).toBeNull();
  }
});

test('the list goes on from page to page, newest first, each application once, also of one moment', async () => {
  const { db } = database;
  const applicant = await giveViewer('applicant');
  const ids: string[] = [];
  for (let index = 0; index < 45; index += 1) {
    const now = after(noon, Math.floor(index / 3));
    const draft = { id: null, version: null, title: `Home ${index}`, message: '' };
    // Thirty an hour are allowed.
    await database.pool.query(`delete from rate_limits`);
    const saved = await saveDraft(db, applicant, draft, contextAt(now));
    if (!saved.ok) throw new Error(saved.reason);
    ids.push(saved.id);
  }
  const seen: string[] = [];
  const sizes: number[] = [];
  let place: Parameters<typeof readMyApplicationsPage>[3] = null;
  do {
    const page = await readMyApplicationsPage(db, applicant.userId, after(noon, 60), place);
    seen.push(...page.applications.map(({ id }) => id));
    sizes.push(page.applications.length);
    place = page.older;
  } while (place !== null);
  expect(sizes).toEqual([20, 20, 5]);
  expect([...seen].sort()).toEqual([...ids].sort());
  expect(seen[0]! > seen[1]!).toBe(true);
  expect(seen.slice(0, 3).sort()).toEqual(ids.slice(-3).sort());
});

test('of a very long timeline the end is shown', async () => {
  const applicant = await giveViewer('applicant');
  const id = await giveSubmitted(applicant);
  await database.pool.query(
    `insert into application_events (application_id, at, kind, actor_id, actor_role, note, shows_at)
     select $1, $3, 'answered', $2, 'applicant', 'Answer ' || n, $3 from generate_series(1, 150) n`,
    [id, applicant.userId, noon],
  );
  const page = await see(applicant, id, noon);
  expect(page.isCut).toBe(true);
  expect(page.events).toHaveLength(100);
  expect([page.events[0]!.note, page.events.at(-1)!.note]).toEqual(['Answer 51', 'Answer 150']);
});
