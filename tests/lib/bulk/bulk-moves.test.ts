import { setTimeout as delay } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { sql } from 'drizzle-orm';
import { beforeEach, expect, test, vi } from 'vitest';
import { openPool } from '@/db/client';
import { endSessionsOf, type SessionUser } from '@/lib/accounts/sessions';
import { deleteUser } from '@/lib/accounts/users';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication } from '@/lib/applications/move-application';
import { readBulkPage, listBulkMoves } from '@/lib/bulk/bulk-page';
import { countNextForecast } from '@/lib/bulk/keep-forecast';
import { openMissingList } from '@/lib/bulk/missing-list';
import { aheadOf, moveNextItems } from '@/lib/bulk/move-items';
import { pruneBulkMoves } from '@/lib/bulk/prune-bulk';
import { aimBulkMove, draftBulkMove, draftMissing, mostItems } from '@/lib/bulk/select-bulk';
import { mostBulkUnderWay, pauseBulkMove, startBulkMove, stopBulkMove } from '@/lib/bulk/steer-bulk';
import type { ApplicationsQuery } from '@/lib/reporting/applications-list';
import { giveApplicant, giveStaff, giveSubmitted, readApplicationRow } from '@/tests/support/applications';
import { countMoves, giveManySubmitted, readBulkRow } from '@/tests/support/bulk';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';
import { giveSettledPerson, readSessionOf } from '@/tests/support/settled-person';
import { makePerson } from '@/tests/support/texts';

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));
const everything: ApplicationsQuery = {
  ...{ search: null, status: null, assignee: null, ageDays: null, news: null, after: undefined },
};
const most = 1_000_000;

let staff: SessionUser;
let faults: unknown[];
beforeEach(async () => {
  faults = [];
  await database.db.execute(sql`truncate applications, bulk_moves, sms_messages, audit_log cascade`);
  staff = await readSessionOf(database.db, await giveSettledPerson(database.db, { role: 'staff' }), noon);
});

const onFault = (_about: unknown, error: unknown) => void faults.push(error);
const turn = (seconds: number, own: { most?: number } = {}) =>
  moveNextItems(database.db, after(noon, seconds), { most, onFault, ...own });

async function readAll(pieces: AsyncIterable<string> | 'confirm_first'): Promise<string[]> {
  if (pieces === 'confirm_first') throw new Error(pieces);
  const lines: string[] = [];
  for await (const line of pieces) lines.push(line);
  return lines;
}

/** Makes turns until nothing is left to do. */
async function runOut(seconds: number): Promise<void> {
  for (let nth = 0; (await turn(seconds + nth)) === 'moved'; nth += 1);
}

async function draft(
  ids: readonly string[],
  to: 'in_review' | 'approved' | 'documents_needed' = 'in_review',
  by = staff,
) {
  const made = await draftBulkMove(database.db, by, { ids }, at(1));
  if (!made.ok) throw new Error(made.reason);
  const note = to === 'documents_needed' ? 'A lease' : null;
  expect(await aimBulkMove(database.db, by, { id: made.id, to, note }, at(1))).toEqual({ ok: true });
  return made.id;
}

async function start(ids: readonly string[], to?: 'in_review' | 'approved' | 'documents_needed') {
  const id = await draft(ids, to);
  expect(await startBulkMove(database.db, staff, id, at(2))).toEqual({ ok: true });
  return id;
}

/** As a worker does. */
const countForecast = (seconds: number, goOn = async () => true) =>
  countNextForecast(database.db, after(noon, seconds), goOn);

async function audited(): Promise<string[]> {
  const { rows } = await database.db.execute<{ action: string }>(
    sql`select action from audit_log where action like 'bulk%' order by id`,
  );
  return rows.map(({ action }) => action);
}

const some = async (count: number) =>
  giveManySubmitted(database.db, [await giveApplicant(database.db)], count, noon);

test('what is checked becomes a draft of what its maker may see, those that wait longest first, and moves nothing', async () => {
  const ids = await some(3);
  const own = await giveManySubmitted(database.db, [staff], 1, noon);
  const made = await draftBulkMove(database.db, staff, { ids: [...ids, ...own, ids[0]!, 'none'] }, at(1));
  if (!made.ok) throw new Error(made.reason);
  const { rows } = await database.db.execute<{ application_id: string; version: number }>(
    sql`select application_id, version from bulk_items where bulk_id = ${made.id} order by nth`,
  );
  expect(rows.map((row) => row.application_id)).toEqual(ids);
  expect(await readBulkRow(database.db, made.id)).toMatchObject({ state: 'draft', items: { open: 3 } });
  expect(await turn(10)).toBe('idle');
  expect((await countMoves(database.db, ids)).moves).toEqual([0, 0]);
  expect(await audited()).toEqual(['bulk_move_made']);
  expect(await draftBulkMove(database.db, staff, { ids: own }, at(1))).toEqual({
    ok: false,
    reason: 'nothing_selected',
  });
});

test('what is checked several times counts once, also for the limit', async () => {
  const [first, second] = (await some(2)) as [string, string];
  const often = Array.from({ length: mostItems }, (_, n) => (n % 2 === 0 ? first : first.toUpperCase()));
  const made = await draftBulkMove(database.db, staff, { ids: [...often, second] }, at(1));
  if (!made.ok) throw new Error(made.reason);
  expect(await readBulkRow(database.db, made.id)).toMatchObject({ items: { open: 2 } });
});

test('what a search finds by two ways counts once', async () => {
  const applicant = await giveApplicant(database.db);
  const ids = await giveManySubmitted(database.db, [applicant], 3, noon);
  // Of an earlier version, which wrote the name down as well.
  await database.db.execute(sql`update applications set applicant_name = 'Nora Twice'`);
  await database.db.execute(sql`update users set name = 'Nora Twice' where id = ${applicant.userId}`);
  const query = { ...everything, search: { text: 'Nora Twice' } };
  const made = await draftBulkMove(database.db, staff, { query }, at(1));
  if (!made.ok) throw new Error(made.reason);
  expect(await readBulkRow(database.db, made.id)).toMatchObject({ items: { open: ids.length } });
});

test('all that a search of the list finds are taken, and no others', async () => {
  const [submitted, decided] = [await some(60), await some(5)];
  await database.db.execute(
    sql`update applications set status = 'approved' where id = any(${sql.param(decided)}::uuid[])`,
  );
  const query = { ...everything, status: 'submitted' as const, after: 'of the second page' };
  const made = await draftBulkMove(database.db, staff, { query }, at(1));
  if (!made.ok) throw new Error(made.reason);
  const page = await readBulkPage(database.db, staff, made.id, after(noon, 2));
  expect(page).toMatchObject({
    items: submitted.length,
    isCut: false,
    byStatus: [{ status: 'submitted', count: 60 }],
  });
});

test('ten thousand are one bulk move: of more, the first of the list are taken, and it is said', async () => {
  await giveManySubmitted(database.db, [null], mostItems + 3, noon);
  const made = await draftBulkMove(database.db, staff, { query: everything }, at(1));
  if (!made.ok) throw new Error(made.reason);
  const page = await readBulkPage(database.db, staff, made.id, after(noon, 2));
  expect(page).toMatchObject({ items: mostItems, isCut: true });
  const { rows } = await database.db.execute<{ left_out: string[] }>(sql`
    select array_agg(title order by moved_at) as left_out from applications a
    where not exists (select from bulk_items i where i.application_id = a.id)`);
  expect(rows[0]!.left_out).toEqual(['Home 1', 'Home 2', 'Home 3']);
});

test('brokers and applicants neither prepare, look at, start nor stop a bulk move', async () => {
  const ids = await some(1);
  const id = await draft(ids);
  for (const role of ['broker', 'applicant'] as const) {
    const person = await giveSettledPerson(database.db, { role });
    const viewer = await readSessionOf(database.db, person, noon);
    const refused = /Only staff and admins/;
    await expect(draftBulkMove(database.db, viewer, { ids }, at(1))).rejects.toThrow(refused);
    await expect(aimBulkMove(database.db, viewer, { id, to: 'approved', note: null }, at(1))).rejects.toThrow(
      refused,
    );
    await expect(startBulkMove(database.db, viewer, id, at(1))).rejects.toThrow(refused);
    await expect(pauseBulkMove(database.db, viewer, id, at(1))).rejects.toThrow(refused);
    await expect(stopBulkMove(database.db, viewer, id, at(1))).rejects.toThrow(refused);
    await expect(draftMissing(database.db, viewer, id, at(1))).rejects.toThrow(refused);
    await expect(readBulkPage(database.db, viewer, id, noon)).rejects.toThrow(refused);
    await expect(listBulkMoves(database.db, viewer)).rejects.toThrow(refused);
    await expect(openMissingList(database.db, viewer, id, String, at(1))).rejects.toThrow(refused);
  }
});

test('what is started is what was looked at, by who made the draft', async () => {
  const other = await readSessionOf(
    database.db,
    await giveSettledPerson(database.db, { role: 'admin' }),
    noon,
  );
  const id = await draft(await some(2), 'in_review');
  const { aim } = (await readBulkPage(database.db, staff, id, after(noon, 2)))!;
  // In another tab.
  await aimBulkMove(database.db, staff, { id, to: 'documents_needed', note: 'A lease' }, at(1));
  expect(await startBulkMove(database.db, staff, id, at(3), aim)).toEqual({
    ok: false,
    reason: 'changed_meanwhile',
  });
  expect(await readBulkPage(database.db, other, id, after(noon, 3))).toBeNull();
  expect(await aimBulkMove(database.db, other, { id, to: 'approved', note: null }, at(1))).toEqual({
    ok: false,
    reason: 'no_draft',
  });
  expect(await startBulkMove(database.db, other, id, at(4))).toEqual({ ok: false, reason: 'not_found' });
  const now = (await readBulkPage(database.db, staff, id, after(noon, 4)))!;
  expect(await startBulkMove(database.db, staff, id, at(5), now.aim)).toEqual({ ok: true });
  expect(await readBulkPage(database.db, other, id, after(noon, 6))).toMatchObject({ state: 'running' });
  const { rows } = await database.db.execute(
    sql`select details from audit_log where action = 'bulk_move_started'`,
  );
  expect(rows).toEqual([{ details: { bulk: id, applications: 2, to: 'documents_needed' } }]);
});

test('of what is kept no longer nothing is made any more, though parts of it are there still', async () => {
  const day = 24 * 3600;
  const old = await draft(await some(3));
  const paused = await start(await some(3));
  await pauseBulkMove(database.db, staff, paused, at(3));
  await pruneBulkMoves(database.db, after(noon, 31 * day), 2);
  for (const id of [old, paused]) {
    expect(await readBulkPage(database.db, staff, id, after(noon, 31 * day))).toBeNull();
  }
  await database.db.execute(
    sql`update sessions set second_factor_at = ${after(noon, 31 * day).toISOString()}`,
  );
  for (const id of [old, paused]) {
    const answer = await startBulkMove(database.db, staff, id, at(31 * day));
    expect(answer.ok).toBe(false);
  }
});

test('its list wants a second factor of the last ten minutes', async () => {
  const id = await start(await some(1));
  expect(await openMissingList(database.db, staff, id, String, at(601))).toBe('confirm_first');
});

test('starting wants a second factor of the last ten minutes, and somewhere to move to', async () => {
  const ids = await some(1);
  const made = await draftBulkMove(database.db, staff, { ids }, at(1));
  if (!made.ok) throw new Error(made.reason);
  expect(await startBulkMove(database.db, staff, made.id, at(2))).toEqual({ ok: false, reason: 'no_target' });
  const to = { id: made.id, to: 'documents_needed' as const };
  expect(await aimBulkMove(database.db, staff, { ...to, note: null }, at(1))).toEqual({
    ok: false,
    reason: 'note_missing',
  });
  await aimBulkMove(database.db, staff, { ...to, note: 'A lease' }, at(1));
  expect(await startBulkMove(database.db, staff, made.id, at(601))).toEqual({
    ok: false,
    reason: 'confirm_first',
  });
  expect(await readBulkRow(database.db, made.id)).toMatchObject({ state: 'draft' });
  expect(await startBulkMove(database.db, staff, made.id, at(599))).toEqual({ ok: true });
});

test('of ten who start it at the same instant one does, and an ended one is not started again', async () => {
  const id = await draft(await some(3));
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => startBulkMove(database.db, staff, id, at(2))),
  );
  expect(answers).toEqual(Array.from({ length: 10 }, () => ({ ok: true })));
  expect(await audited()).toEqual(['bulk_move_made', 'bulk_move_started']);
  await runOut(10);
  expect(await startBulkMove(database.db, staff, id, at(20))).toEqual({ ok: false, reason: 'over' });
  expect(await aimBulkMove(database.db, staff, { id, to: 'approved', note: null }, at(1))).toEqual({
    ok: false,
    reason: 'no_draft',
  });
});

test('no more than ten are under way at once', async () => {
  const ids = await some(1);
  for (let count = 0; count < mostBulkUnderWay; count += 1) await start(ids);
  const id = await draft(ids);
  expect(await startBulkMove(database.db, staff, id, at(2))).toEqual({
    ok: false,
    reason: 'too_many_under_way',
  });
});

test('each is moved in the name of who started it, seen at once, and told by one text', async () => {
  const [first, second] = [await giveApplicant(database.db), await giveApplicant(database.db)];
  const ids = await giveManySubmitted(database.db, [first, second], 40, noon);
  const id = await start(ids, 'documents_needed');
  await runOut(10);
  expect(await readBulkRow(database.db, id)).toMatchObject({ state: 'done', items: { moved: 40 } });
  const { rows } = await database.db.execute(sql`
    select distinct actor_id, actor_role, note, shows_at = at as at_once from application_events where kind = 'moved'`);
  expect(rows).toEqual([{ actor_id: staff.userId, actor_role: 'staff', note: 'A lease', at_once: true }]);
  await decideNotices(database.db, after(noon, 60), { limit: 100, onFault });
  const { moves, texts } = await countMoves(database.db, ids);
  expect({ moves, texts }).toEqual({ moves: [1, 1], texts: [1, 1] });
  const { rows: sources } = await database.db.execute(sql`select distinct source from sms_messages`);
  expect(sources).toEqual([{ source: id }]);
  expect(faults).toEqual([]);
});

test('what was changed meanwhile, cannot be moved so, or is gone is left alone, and said', async () => {
  const applicant = await giveApplicant(database.db);
  const changed = await giveSubmitted(database.db, applicant, noon);
  const [plain, decided, gone] = (await some(3)) as [string, string, string];
  await database.db.execute(sql`update applications set status = 'withdrawn' where id = ${decided}`);
  const id = await start([changed.id, plain, decided, gone]);
  const moved = { ...changed, to: 'documents_needed' as const, note: 'A lease' };
  expect((await moveApplication(database.db, staff, moved, at(3))).ok).toBe(true);
  await database.db.execute(sql`delete from applications where id = ${gone}`);
  await runOut(10);
  expect(await readBulkRow(database.db, id)).toMatchObject({
    state: 'done',
    items: { moved: 1, changed_meanwhile: 1, not_allowed: 1, not_found: 1 },
  });
  expect(await readApplicationRow(database.db, changed.id)).toMatchObject({ status: 'documents_needed' });
  const pieces = await openMissingList(database.db, staff, id, (reason) => `why: ${reason}`, at(20));
  const lines = (await readAll(pieces!)).map((line) => line.trim().split(','));
  expect(lines[0]).toEqual(['application', 'title', 'applicant', 'status', 'reason', 'why']);
  expect(
    lines
      .slice(1)
      .map(([application, , , , reason, why]) => [application, reason, why])
      .sort(),
  ).toEqual(
    [
      [changed.id, 'changed_meanwhile', 'why: changed_meanwhile'],
      [decided, 'not_allowed', 'why: not_allowed'],
      [gone, 'not_found', 'why: not_found'],
    ].sort(),
  );
  expect(await audited()).toContain('bulk_list_downloaded');
});

test('the list of what could not be done ends where its reader is signed out in the midst of it', async () => {
  const [one] = (await some(1)) as [string];
  await database.db.execute(sql`update applications set status = 'withdrawn' where id = ${one}`);
  const id = await start([one]);
  await runOut(10);
  const pieces = await openMissingList(database.db, staff, id, String, at(20));
  if (pieces === null || pieces === 'confirm_first') throw new Error('There is no list');
  expect((await pieces.next()).value).toMatch(/^application,/);
  await endSessionsOf(database.db, staff.userId, null);
  await expect(pieces.next()).rejects.toThrow('signed out');
});

test('the list of what could not be done also has who was moved and heard nothing', async () => {
  const ids = await giveManySubmitted(database.db, [null, await giveApplicant(database.db)], 2, noon);
  const id = await start(ids);
  await runOut(10);
  await decideNotices(database.db, after(noon, 60), { onFault });
  const pieces = await openMissingList(database.db, staff, id, String, at(70));
  const [, ...lines] = await readAll(pieces!);
  expect(lines).toEqual([`${ids[0]},Home 1,Paper 1,in_review,not_reached,not_reached\r\n`]);
});

test('a paused one rests until it is told to go on; a stopped one is over, and what is missing can be done by another', async () => {
  const ids = await some(60);
  const id = await start(ids);
  await turn(10);
  expect(await pauseBulkMove(database.db, staff, id, at(11))).toBe(true);
  expect(await turn(12)).toBe('idle');
  expect(await readBulkRow(database.db, id)).toMatchObject({
    state: 'paused',
    items: { moved: 25, open: 35 },
  });
  expect(await draftMissing(database.db, staff, id, at(12))).toMatchObject({ reason: 'nothing_selected' });
  expect(await startBulkMove(database.db, staff, id, at(13))).toEqual({ ok: true });
  await turn(14);
  expect(await stopBulkMove(database.db, staff, id, at(15))).toEqual({ ok: true });
  expect(await stopBulkMove(database.db, staff, id, at(15))).toEqual({ ok: false, reason: 'over' });
  expect(await turn(16)).toBe('idle');
  expect(await readBulkRow(database.db, id)).toMatchObject({
    state: 'stopped',
    items: { moved: 50, open: 10 },
  });
  const made = await draftMissing(database.db, staff, id, at(17));
  const rest = made.ok ? made.id : '';
  expect(await readBulkPage(database.db, staff, rest, after(noon, 18))).toMatchObject({
    ...{ state: 'draft', to: 'in_review', items: 10 },
  });
  expect(await startBulkMove(database.db, staff, rest, at(18))).toEqual({ ok: true });
  await runOut(20);
  expect((await countMoves(database.db, ids)).moves).toEqual([1, 1]);
  expect(await audited()).toEqual([
    ...['bulk_move_made', 'bulk_move_started', 'bulk_move_paused', 'bulk_move_resumed', 'bulk_move_stopped'],
    ...['bulk_move_made', 'bulk_move_started'],
  ]);
});

test('whoever started it stops it for good; others show a second factor of the last ten minutes first, and pause without', async () => {
  const other = await readSessionOf(
    database.db,
    await giveSettledPerson(database.db, { role: 'staff' }),
    noon,
  );
  const stale = { ok: false, reason: 'confirm_first' };
  const [first, second] = [await start(await some(3)), await start(await some(3))];
  expect(await stopBulkMove(database.db, other, first, at(700))).toEqual(stale);
  expect(await readBulkRow(database.db, first)).toMatchObject({ state: 'running' });
  expect(await pauseBulkMove(database.db, other, first, at(701))).toBe(true);
  expect(await stopBulkMove(database.db, other, first, at(702))).toEqual(stale);
  expect(await readBulkRow(database.db, first)).toMatchObject({ state: 'paused' });
  expect(await stopBulkMove(database.db, staff, first, at(703))).toEqual({ ok: true });
  await database.db.execute(
    sql`update sessions set second_factor_at = ${after(noon, 700).toISOString()} where user_id = ${other.userId}`,
  );
  expect(await stopBulkMove(database.db, other, second, at(704))).toEqual({ ok: true });
  expect(await readBulkRow(database.db, second)).toMatchObject({ state: 'stopped' });
});

test('where who started it may not move any more, it pauses by itself, and goes on in another’s name', async () => {
  const ids = await some(60);
  for (const end of ['role', 'deactivated', 'deleted'] as const) {
    const person = await giveSettledPerson(database.db, { role: 'staff' });
    const mover = await readSessionOf(database.db, person, noon);
    const id = await draft(ids.slice(0, 50), 'in_review', mover);
    expect(await startBulkMove(database.db, mover, id, at(2))).toEqual({ ok: true });
    if (end === 'role')
      await database.db.execute(sql`update users set role = 'broker' where id = ${mover.userId}`);
    if (end === 'deactivated') {
      await database.db.execute(sql`update users set deactivated_at = now() where id = ${mover.userId}`);
    }
    if (end === 'deleted') await database.db.transaction((tx) => deleteUser(tx, mover.userId));
    await turn(10);
    expect(await readBulkRow(database.db, id)).toEqual({
      state: 'paused',
      paused_because: 'mover_left',
      items: { open: 50 },
    });
    if (end !== 'deleted') continue;
    expect(await startBulkMove(database.db, staff, id, at(12))).toEqual({ ok: true });
    await runOut(14);
    expect(await readBulkRow(database.db, id)).toMatchObject({
      state: 'done',
      paused_because: null,
      items: { moved: 50 },
    });
  }
});

test('an application that someone holds keeps no other from being moved, and is moved once it is free', async () => {
  const ids = await some(30);
  const id = await start(ids);
  const holder = await database.pool.connect();
  await holder.query('begin');
  await holder.query('select from applications where id = $1 for update', [ids[0]]);
  await turn(10);
  await turn(11);
  expect(await readBulkRow(database.db, id)).toMatchObject({
    state: 'running',
    items: { moved: 29, open: 1 },
  });
  await holder.query('rollback');
  holder.release();
  await runOut(12);
  expect(await readBulkRow(database.db, id)).toMatchObject({ state: 'done', items: { moved: 30 } });
  expect(faults).toEqual([]);
});

test('one whose move fails on our own side is given up after five tries, and the others are moved', async () => {
  const ids = await some(3);
  await database.db.execute(
    sql.raw(`
    create function refuse_one() returns trigger language plpgsql as $$ begin
      if new.application_id = '${ids[1]}' then raise exception 'odd row'; end if; return new; end $$`),
  );
  await database.db.execute(sql`
    create trigger refuse_one before insert on application_events for each row execute function refuse_one()`);
  try {
    const id = await start(ids);
    await runOut(10);
    expect(await readBulkRow(database.db, id)).toMatchObject({
      state: 'done',
      items: { moved: 2, failed: 1 },
    });
    expect(faults).toHaveLength(5);
    expect((await countMoves(database.db, [ids[1]!])).moves).toEqual([0, 0]);
  } finally {
    await database.db.execute(sql`drop function refuse_one cascade`);
  }
});

test('one whose move takes the database too long each time comes behind the others', async () => {
  const ids = await some(3);
  await database.db.execute(
    sql.raw(`
    create function time_out_one() returns trigger language plpgsql as $$ begin
      if new.application_id = '${ids[0]}' then raise exception 'too long' using errcode = '57P03'; end if; return new; end $$`),
  );
  await database.db.execute(sql`
    create trigger time_out_one before insert on application_events for each row execute function time_out_one()`);
  try {
    const id = await start(ids);
    await expect(turn(10)).rejects.toThrow();
    for (const seconds of [30, 50]) await turn(seconds).catch(() => undefined);
    expect((await readBulkRow(database.db, id))!.items).toEqual({ moved: 2, open: 1 });
  } finally {
    await database.db.execute(sql`drop function time_out_one cascade`);
  }
});

test('moves are ahead of their texts by so many at most, and go on when those have gone', async () => {
  const id = await start(await some(60));
  expect(await turn(10, { most: 30 })).toBe('moved');
  expect(await turn(11, { most: 30 })).toBe('moved');
  expect(await turn(12, { most: 30 })).toBe('waits');
  expect(await readBulkRow(database.db, id)).toMatchObject({ items: { moved: 30, open: 30 } });
  await decideNotices(database.db, after(noon, 20), { onFault });
  // Now they wait as texts, by the clock of the database.
  expect(await turn(21, { most: 30 })).toBe('waits');
  await database.db.execute(sql`
    update sms_messages set status = 'sent' where id in (select id from sms_messages where status = 'queued' limit 10)`);
  expect(await turn(23, { most: 30 })).toBe('moved');
  expect(await readBulkRow(database.db, id)).toMatchObject({ items: { moved: 40, open: 20 } });
  // What waits for the morning holds up nothing.
  await database.db.execute(
    sql`update sms_messages set send_after = now() + interval '8 hours' where status = 'queued'`,
  );
  await decideNotices(database.db, after(noon, 24), { onFault });
  await database.db.execute(
    sql`update sms_messages set send_after = now() + interval '8 hours' where status = 'queued'`,
  );
  expect(await turn(25, { most: 30 })).toBe('moved');
  expect(await readBulkRow(database.db, id)).toMatchObject({ state: 'running', items: { moved: 60 } });
});

test('mails count as texts do, but for those that failed and wait to be tried again', async () => {
  const applicant = await makePerson(database.db, { updates: false });
  await database.db.execute(sql`update users set email_proven_at = now() where id = ${applicant.userId}`);
  const id = await start(await giveManySubmitted(database.db, [applicant], 60, noon));
  const mail = async (seconds: number) => {
    await decideNotices(database.db, after(noon, seconds), { onFault });
    const { rows } = await database.db.execute<{ count: number }>(
      sql`select count(*)::int as count from mails where source = ${id} and sent_at is null and ended_at is null`,
    );
    return rows[0]!.count;
  };
  await turn(10, { most: 20 });
  expect(await mail(20)).toBe(20);
  expect(await turn(21, { most: 20 })).toBe('waits');
  const first = sql`(select id from mails where sent_at is null and ended_at is null and attempts = 0 limit 5)`;
  await database.db.execute(sql`update mails set sent_at = now() where id in ${first}`);
  await database.db.execute(
    sql`update mails set attempts = 1, send_after = now() + interval '30 seconds' where id in ${first}`,
  );
  await database.db.execute(
    sql`update mails set ended_at = now(), reason = 'superseded' where id in ${first}`,
  );
  expect(await turn(23, { most: 20 })).toBe('moved');
  expect(await readBulkRow(database.db, id)).toMatchObject({ items: { moved: 35, open: 25 } });
  expect(await mail(24)).toBe(25);
  expect(await turn(25, { most: 20 })).toBe('waits');
});

test('two bulk moves take turns', async () => {
  const [first, second] = [await start(await some(100)), await start(await some(100))];
  for (let seconds = 10; seconds < 14; seconds += 1) await turn(seconds);
  for (const id of [first, second]) {
    expect(await readBulkRow(database.db, id)).toMatchObject({ items: { moved: 50, open: 50 } });
  }
});

test('a lease of a worker that is gone ends, also one by a clock that was far ahead', async () => {
  const id = await start(await some(30));
  await database.db.execute(
    sql`update bulk_moves set next_at = ${after(noon, 20).toISOString()}::timestamptz`,
  );
  expect(await turn(19)).toBe('idle');
  expect(await turn(20)).toBe('moved');
  await database.db.execute(
    sql`update bulk_moves set next_at = ${after(noon, 1_200).toISOString()}::timestamptz`,
  );
  expect(await turn(21)).toBe('moved');
  expect(await readBulkRow(database.db, id)).toMatchObject({ items: { moved: 30 } });
});

test('whatever is cut off at whatever moment, each of four hundred is moved once and told by one text', async () => {
  const applicants = [];
  for (let count = 0; count < 20; count += 1) applicants.push(await giveApplicant(database.db));
  const ids = await giveManySubmitted(database.db, applicants, 400, noon);
  const id = await start(ids);
  let isOver = false;
  const work = async () => {
    while (!isOver) {
      const pool = openPool(database.url, { max: 2 });
      const db = drizzle(pool);
      try {
        while (!isOver) {
          // No lease, so that both have the same applications in hand, time and again.
          await db.execute(
            sql`update bulk_moves set next_at = ${after(noon, 5).toISOString()}::timestamptz where id = ${id}`,
          );
          await moveNextItems(db, after(noon, 10), { most, onFault });
          await decideNotices(db, after(noon, 60), { limit: 10, onFault: () => undefined });
        }
      } catch {
        // Killed: another one begins.
      } finally {
        void pool.end().catch(() => undefined);
      }
    }
  };
  const kill = async () => {
    while (!isOver) {
      await delay(Math.random() * 500);
      await database.db.execute(sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'doorstep' and datname = current_database() and random() < 0.5`);
    }
  };
  const workers = [work(), work(), kill()];
  try {
    await expect
      .poll(async () => (await readBulkRow(database.db, id)).items, { timeout: 60_000, interval: 200 })
      .toEqual({ moved: 400 });
  } finally {
    isOver = true;
    await Promise.all(workers);
  }
  await runOut(30);
  for (let count = 0; count < 8; count += 1) {
    await decideNotices(database.db, after(noon, 600), { limit: 100, onFault: () => undefined });
  }
  expect(await countMoves(database.db, ids)).toEqual({ moves: [1, 1], notices: [1, 1], texts: [1, 1] });
  expect(await readBulkRow(database.db, id)).toMatchObject({ state: 'done', items: { moved: 400 } });
}, 120_000);

test('bulk moves move one application five times an hour and ten times a day at most, and leave it alone then', async () => {
  const [often, other] = (await some(2)) as [string, string];
  const move = async (seconds: number, ids: readonly string[]) => {
    const { status } = await readApplicationRow(database.db, often);
    const to = status === 'in_review' ? ('documents_needed' as const) : ('in_review' as const);
    const made = await draftBulkMove(database.db, staff, { ids }, at(seconds));
    const id = made.ok ? made.id : '';
    await aimBulkMove(database.db, staff, { id, to, note: 'A lease' }, at(seconds));
    const page = await readBulkPage(database.db, staff, id, after(noon, seconds));
    const seen = at(seconds).now.toISOString();
    await database.db.execute(sql`
      update sessions set second_factor_at = ${seen}, last_seen_at = ${seen}, authenticated_at = ${seen}`);
    expect(await startBulkMove(database.db, staff, id, at(seconds))).toEqual({ ok: true });
    await runOut(seconds);
    const { items } = await readBulkRow(database.db, id);
    return { id, items, foreseen: page!.summary!.forecast!.tooOften };
  };
  const once = { items: { moved: 1 }, foreseen: 0 };
  const leftAlone = { items: { moved_too_often: 1 }, foreseen: 1 };
  for (let count = 0; count < 5; count += 1) expect(await move(60 * count, [often])).toMatchObject(once);
  const left = await move(400, [often]);
  expect(left).toMatchObject(leftAlone);
  // By hand it is moved still, which counts by itself.
  const { status, version } = await readApplicationRow(database.db, often);
  expect(status).toBe('in_review');
  const wanted = { id: often, to: 'documents_needed' as const, version, note: 'A lease' };
  expect((await moveApplication(database.db, staff, wanted, at(500))).ok).toBe(true);
  expect(await move(520, [often, other])).toMatchObject({ items: { moved: 1, moved_too_often: 1 } });
  const pieces = await openMissingList(database.db, staff, left.id, String, at(530));
  expect((await readAll(pieces!))[1]).toContain('moved_too_often');
  // An hour later five more, and then none until a day has passed.
  for (let count = 0; count < 5; count += 1)
    expect(await move(4_000 + 60 * count, [often])).toMatchObject(once);
  expect(await move(8_500, [often])).toMatchObject(leftAlone);
  const tomorrow = 24 * 3_600 + 30;
  const next = await giveSettledPerson(database.db, { role: 'staff', now: after(noon, tomorrow) });
  staff = await readSessionOf(database.db, next, after(noon, tomorrow));
  expect(await move(tomorrow, [often])).toMatchObject(once);
  expect(faults).toEqual([]);
});

test('one more application takes thirteen statements, however many there are', async () => {
  const count = async (items: number) => {
    await start(await some(items));
    const statements = await recordStatements(database.pool, () => turn(10));
    await database.db.execute(sql`update bulk_moves set state = 'done'`);
    return statements.length;
  };
  const [one, eleven] = [await count(1), await count(11)];
  expect((eleven - one) / 10).toBe(13);
});

test('the summary says by which way news would go, what it costs, and what waits for the morning', async () => {
  const byText = await makePerson(database.db);
  const byNight = await makePerson(database.db, {
    quietHours: { start: '00:00', end: '23:00' },
    timeZone: 'America/New_York',
  });
  const off = await makePerson(database.db, { updates: false });
  const shut = await makePerson(database.db);
  await database.db.execute(sql`update users set deactivated_at = now() where id = ${shut.userId}`);
  const applicants = [byText, byNight, off, shut, null, byText];
  const ids = await giveManySubmitted(database.db, applicants, 6, noon);
  const [decided] = (await some(1)) as [string];
  await database.db.execute(sql`update applications set status = 'withdrawn' where id = ${decided}`);
  const id = await draft([...ids, decided]);
  const page = await readBulkPage(database.db, staff, id, after(noon, 5));
  expect(page!.summary!.chances).toEqual({ allowed: 6, changed: 0, notAllowed: 1, gone: 0 });
  expect(page!.summary!.forecast).toMatchObject({
    ...{ people: 5, texts: 3, mails: 0, unreached: 3, segments: 3, held: 1 },
    priceMicros: 3 * 7_900,
  });
  const { heldFrom, heldUntil } = page!.summary!.forecast!;
  expect(heldFrom).toBe(heldUntil);
  expect(new Date(heldUntil!) > noon).toBe(true);
  // It is kept, and counted again when it is old, or the draft is changed.
  const statements = await recordStatements(database.pool, () =>
    readBulkPage(database.db, staff, id, after(noon, 60)),
  );
  expect(statements.some((text) => text.includes('jsonb_populate_recordset'))).toBe(false);
  await database.db.execute(
    sql`update applications set status = 'withdrawn', version = version + 1 where id = ${ids[0]!}`,
  );
  const later = await readBulkPage(database.db, staff, id, after(noon, 700));
  expect(later!.summary!.chances).toMatchObject({ allowed: 5, changed: 1 });
  expect(later!.summary!.forecast).toMatchObject({ texts: 2 });
});

test('a draft names its first twenty, and the first twenty that would stay, with why', async () => {
  const applicant = await giveApplicant(database.db);
  const ids = await giveManySubmitted(database.db, [applicant, null], 30, noon);
  const made = await draftBulkMove(database.db, staff, { ids }, at(1));
  if (!made.ok) throw new Error(made.reason);
  const read = async () => (await readBulkPage(database.db, staff, made.id, after(noon, 2)))!.named;
  const fresh = await read();
  expect(fresh.first.map(({ id, chance }) => [id, chance])).toEqual(ids.slice(0, 20).map((id) => [id, null]));
  expect(fresh.first.every(({ title, applicant: name }) => title !== null && name !== null)).toBe(true);
  expect(fresh.staying).toEqual([]);

  await aimBulkMove(database.db, staff, { id: made.id, to: 'in_review', note: null }, at(1));
  await database.db.execute(
    sql`update applications set status = 'withdrawn' where id = any(${sql.param([ids[3]!, ids[27]!])}::uuid[])`,
  );
  await database.db.execute(sql`update applications set version = version + 1 where id = ${ids[25]!}`);
  await database.db.execute(sql`delete from applications where id = ${ids[29]!}`);
  const statements = await recordStatements(database.pool, async () => {
    const { first, staying } = await read();
    expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 20));
    expect(first.map(({ chance }) => chance)).toEqual(
      ids.slice(0, 20).map((_, n) => (n === 3 ? 'notAllowed' : 'allowed')),
    );
    expect(staying.map(({ id, chance }) => [id, chance])).toEqual([
      [ids[3], 'notAllowed'],
      [ids[25], 'changed'],
      [ids[27], 'notAllowed'],
      [ids[29], 'gone'],
    ]);
    expect(staying.at(-1)).toMatchObject({ title: null, applicant: null });
  });
  expect(statements.filter((text) => text.includes('staying'))).toHaveLength(1);

  await database.db.execute(sql`update applications set status = 'withdrawn'`);
  const { first, staying } = await read();
  expect([first.length, staying.length]).toEqual([20, 20]);
});

test('what moved all and could not tell some of it says so', async () => {
  const [reached, unreached] = [
    await start(await some(1)),
    await start(await giveManySubmitted(database.db, [null], 1, noon)),
  ];
  await runOut(10);
  for (const seconds of [60, 61]) await decideNotices(database.db, after(noon, seconds), { onFault });
  const read = async (id: string) => (await readBulkPage(database.db, staff, id, after(noon, 70)))!;
  expect(await read(reached)).toMatchObject({ outcomes: { moved: 1 }, isSomeUnreached: false });
  expect(await read(unreached)).toMatchObject({ outcomes: { moved: 1 }, isSomeUnreached: true });
});

test.each([1, 3])(
  '%i people of whom something odd is stored are counted by themselves in the summary',
  async (count) => {
    const applicants = [];
    for (let nth = 0; nth < 12; nth += 1) applicants.push(await makePerson(database.db));
    const odd = applicants.slice(0, count).map(({ userId }) => userId);
    await giveManySubmitted(database.db, applicants, 450, noon);
    const made = await draftBulkMove(database.db, staff, { query: everything }, at(1));
    if (!made.ok) throw new Error(made.reason);
    await aimBulkMove(database.db, staff, { id: made.id, to: 'in_review', note: null }, at(1));
    // As by a value that PostgreSQL cannot read.
    const query = database.pool.query.bind(database.pool) as (...all: unknown[]) => unknown;
    const refuse = (statement: unknown, values: unknown, ...rest: unknown[]) => {
      const said = JSON.stringify([statement, values]);
      if (!said.includes('jsonb_populate_recordset') || !odd.some((userId) => said.includes(userId)))
        return query(statement, values, ...rest);
      return Promise.reject(Object.assign(new Error('odd row'), { code: '22P02' }));
    };
    vi.spyOn(database.pool, 'query').mockImplementation(refuse as never);
    await countForecast(2);
    vi.restoreAllMocks();
    const page = await readBulkPage(database.db, staff, made.id, after(noon, 2));
    const ofOdd = Math.floor(450 / 12) * count + Math.min(count, 450 % 12);
    expect(page!.summary!.forecast).toMatchObject({ people: 12, unseen: ofOdd, texts: 450 - ofOdd });
  },
);

test('the summary says how many reminders may follow where something is asked for, and what those by text cost', async () => {
  const byText = await makePerson(database.db);
  const byMail = await makePerson(database.db, { updates: false });
  await database.db.execute(sql`update users set email_proven_at = now() where id = ${byMail.userId}`);
  const ids = await giveManySubmitted(database.db, [byText, byMail, null], 3, noon);
  const asking = await readBulkPage(database.db, staff, await draft(ids, 'documents_needed'), after(noon, 2));
  expect(asking!.summary!.forecast).toMatchObject({
    ...{ texts: 1, mails: 1, unreached: 1, reminders: 4, reminderMicros: 2 * 7_900 },
  });
  const telling = await readBulkPage(database.db, staff, await draft(ids, 'in_review'), after(noon, 2));
  expect(telling!.summary!.forecast).toMatchObject({ reminders: 0, reminderMicros: 0 });
});

test('the summary says the pace, and what other bulk moves have left', async () => {
  const id = await draft(await some(2));
  const read = async () => {
    const page = await withSettings({ smsMessagesPerSecond: 3 }, () =>
      readBulkPage(database.db, staff, id, after(noon, 200)),
    );
    return page!.summary!;
  };
  expect(await read()).toMatchObject({ pace: 3, others: { moves: 0, left: 0 } });
  const ended = await start(await some(5));
  await start(await some(7));
  expect((await read()).others).toEqual({ moves: 2, left: 12 });
  // Its texts wait still when it is done; what waits for the morning does not count.
  await runOut(10);
  for (const seconds of [60, 61]) await decideNotices(database.db, after(noon, seconds), { onFault });
  await database.db.execute(sql`update bulk_moves set state = 'done' where id = ${ended}`);
  await database.db.execute(sql`
    update sms_messages set send_after = send_after + interval '8 hours'
    where id in (select id from sms_messages where source = ${ended} limit 2)`);
  expect((await read()).others).toEqual({ moves: 0, left: 10 });
});

test('what the summary says of each is what becomes of it', async () => {
  const makers = [
    () => makePerson(database.db),
    () => makePerson(database.db, { updates: false }),
    () => makePerson(database.db, { consent: false }),
    () => makePerson(database.db, { verified: false }),
    () => makePerson(database.db, { quietHours: { start: '08:00', end: '07:00' } }),
    () => giveStaff(database.db, 'broker'),
    async () => null,
  ];
  for (const make of makers) {
    const ids = await giveManySubmitted(database.db, [await make()], 1, noon);
    const id = await draft(ids);
    const forecast = (await readBulkPage(database.db, staff, id, after(noon, 2)))!.summary!.forecast!;
    await startBulkMove(database.db, staff, id, at(3));
    await runOut(10);
    await decideNotices(database.db, after(noon, 60), { onFault });
    const { news } = await readApplicationRow(database.db, ids[0]!);
    const said = forecast.texts === 1 ? 'texted' : forecast.mails === 1 ? 'mailed' : 'unreached';
    expect(news).toBe(said);
  }
});

async function aimEverything(applicants: number, items: number) {
  const people = [];
  for (let count = 0; count < applicants; count += 1)
    people.push(await makePerson(database.db, { quietHours: { start: '20:00', end: '09:00' } }));
  await giveManySubmitted(database.db, people, items, noon);
  const made = await draftBulkMove(database.db, staff, { query: everything }, at(1));
  if (!made.ok) throw new Error(made.reason);
  await aimBulkMove(database.db, staff, { id: made.id, to: 'in_review', note: null }, at(1));
  return made.id;
}

test('the summary of ten thousand is counted by a worker in batches: no page counts it, however often it is read', async () => {
  const id = await aimEverything(10, mostItems);
  const read = () => readBulkPage(database.db, staff, id, after(noon, 2));
  const ofPage = await recordStatements(database.pool, async () => {
    expect((await read())!.summary).toMatchObject({ chances: { allowed: mostItems }, forecast: null });
  });
  expect(ofPage.some((text) => text.includes('jsonb_populate_recordset'))).toBe(false);
  let batches = 1;
  const ofWorker = await recordStatements(database.pool, () =>
    countForecast(2, async () => (batches += 1) > 0),
  );
  expect(batches).toBeGreaterThanOrEqual(mostItems / 100);
  expect(ofWorker.length / batches).toBeLessThanOrEqual(3.1);
  expect((await read())!.summary!.forecast).toMatchObject({ people: 10, texts: mostItems });
  expect(await countForecast(3)).toBe(false);
  // An old one is asked for again by who reads the page.
  expect((await readBulkPage(database.db, staff, id, after(noon, 700)))!.summary!.forecast).toBeNull();
  expect(await countForecast(701)).toBe(true);
  expect((await readBulkPage(database.db, staff, id, after(noon, 702)))!.summary!.forecast).not.toBeNull();
});

test('a forecast is counted by one worker, until it is gone, stops, or the draft goes elsewhere', async () => {
  const id = await aimEverything(1, 450);
  const forecast = async () =>
    (await readBulkPage(database.db, staff, id, after(noon, 30)))!.summary!.forecast;
  await countForecast(2, async () => {
    expect(await countForecast(3)).toBe(false);
    return false;
  });
  expect(await forecast()).toBeNull();
  expect(await countForecast(3)).toBe(false);
  // A clock that was twenty minutes ahead took it.
  await database.db.execute(
    sql`update bulk_moves set next_at = ${after(noon, 1_220).toISOString()}::timestamptz where id = ${id}`,
  );
  expect(await countForecast(3, async () => false)).toBe(true);
  let asked = 0;
  const change = async () => {
    asked += 1;
    const elsewhere = { id, to: 'documents_needed', note: 'A lease' } as const;
    return (await aimBulkMove(database.db, staff, elsewhere, at(18))).ok;
  };
  expect(await countForecast(18, change)).toBe(true);
  expect(asked).toBe(1);
  expect(await forecast()).toBeNull();
  expect(await countForecast(19)).toBe(true);
  expect(await forecast()).toMatchObject({ texts: 450, reminders: 900 });
});

test('saying the same again, or another note, keeps what was counted and is not counted against anyone', async () => {
  const id = await draft(await some(3));
  await readBulkPage(database.db, staff, id, after(noon, 2));
  const kept = async () => {
    const { rows } = await database.db.execute<{ kept: boolean }>(
      sql`select forecast is not null as kept from bulk_moves where id = ${id}`,
    );
    return rows[0]!.kept;
  };
  const aim = (to: 'in_review' | 'approved', note: string | null = null) =>
    aimBulkMove(database.db, staff, { id, to, note }, at(3));
  for (let count = 0; count < 35; count += 1) {
    expect(await aim('in_review', count % 2 === 0 ? null : 'Soon')).toEqual({ ok: true });
  }
  expect(await kept()).toBe(true);
  expect(await readBulkPage(database.db, staff, id, after(noon, 4))).toMatchObject({ note: null });
  expect(await aim('approved')).toEqual({ ok: true });
  expect(await kept()).toBe(false);
});

test('a person prepares thirty bulk moves an hour, says thirty times where they go, and others go on', async () => {
  const ids = await some(1);
  const other = await readSessionOf(
    database.db,
    await giveSettledPerson(database.db, { role: 'staff' }),
    noon,
  );
  const prepare = (by = staff, seconds = 1) => draftBulkMove(database.db, by, { ids }, at(seconds));
  const refused = { ok: false, reason: 'too_often', retryAt: after(noon, 3_601) };
  for (let count = 0; count < 29; count += 1) expect((await prepare(staff, 1 + count / 100)).ok).toBe(true);
  const last = await prepare(staff, 1.5);
  const id = last.ok ? last.id : '';
  expect(await prepare(staff, 2)).toEqual(refused);
  expect(await draftMissing(database.db, staff, id, at(2))).toEqual(refused);
  const { rows } = await database.db.execute(sql`select from audit_log where action = 'bulk_move_made'`);
  expect(rows).toHaveLength(30);
  const aim = (count: number) => {
    const to = count % 2 === 0 ? ('in_review' as const) : ('approved' as const);
    return aimBulkMove(database.db, staff, { id, to, note: null }, at(1));
  };
  for (let count = 0; count < 30; count += 1) expect(await aim(count)).toEqual({ ok: true });
  expect(await aim(30)).toEqual(refused);
  expect(await readBulkPage(database.db, staff, id, after(noon, 3))).toMatchObject({ to: 'approved' });
  expect((await prepare(other)).ok).toBe(true);
  expect((await prepare(staff, 3_602)).ok).toBe(true);
});

test.each([
  '"x"',
  '7',
  '[]',
  '{}',
  'null',
  '{"at":"infinity","reminders":"x"}',
  '{"at":"2026-12-01T10:00:00.000Z"}',
])('a stored forecast that is %s counts as none', async (stored) => {
  const id = await draft(await some(3));
  await database.db.execute(sql`update bulk_moves set forecast = ${stored}::jsonb where id = ${id}`);
  const page = await readBulkPage(database.db, staff, id, after(noon, 2));
  expect(page!.summary!.forecast).toMatchObject({ people: 1, texts: 3 });
  const many = await aimEverything(1, 60);
  await database.db.execute(sql`update bulk_moves set forecast = ${stored}::jsonb where id = ${many}`);
  const read = async () => (await readBulkPage(database.db, staff, many, after(noon, 2)))!.summary!.forecast;
  expect(await read()).toBeNull();
  await countForecast(3);
  expect(await read()).not.toBeNull();
});

test('drafts are kept for a day, ten of each person, and ended ones for thirty days', async () => {
  const ids = await some(3);
  const drafts: string[] = [];
  for (let count = 0; count < 12; count += 1) {
    const made = await draftBulkMove(database.db, staff, { ids }, at(count));
    drafts.push(made.ok ? made.id : '');
  }
  expect((await listBulkMoves(database.db, staff)).map(({ id }) => id)).toEqual(drafts.slice(2).reverse());
  const other = await giveStaff(database.db);
  expect(await listBulkMoves(database.db, other)).toEqual([]);
  const id = drafts.at(-1)!;
  await aimBulkMove(database.db, staff, { id, to: 'in_review', note: null }, at(1));
  expect(await startBulkMove(database.db, staff, id, at(12))).toEqual({ ok: true });
  await runOut(20);
  const hour = 3_600;
  await pruneBulkMoves(database.db, after(noon, 23 * hour), 1_000);
  expect(await listBulkMoves(database.db, staff)).toHaveLength(10);
  // The applications of one after the other, some at a time.
  while ((await pruneBulkMoves(database.db, after(noon, 25 * hour), 10)) > 0);
  expect((await listBulkMoves(database.db, other)).map((each) => each.id)).toEqual([id]);
  await pruneBulkMoves(database.db, after(noon, 31 * 24 * hour), 1_000);
  expect(await listBulkMoves(database.db, other)).toEqual([]);
  expect(await readBulkPage(database.db, staff, id, noon)).toBeNull();
});

test('how far moves are ahead follows the pace of the sender', () => {
  expect([0.1, 1, 10, 30, 1_000, null].map(aheadOf)).toEqual([100, 100, 100, 300, 500, 500]);
});
