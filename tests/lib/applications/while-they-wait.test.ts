import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool, type Db } from '@/db/client';
import { endSession } from '@/lib/accounts/sessions';
import { answerApplication } from '@/lib/applications/add-to-timeline';
import { assignByHand, moveByHand, noteByHand } from '@/lib/applications/by-hand';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import {
  discardDraft,
  openForSomeone,
  saveDraft,
  submitApplication,
} from '@/lib/applications/write-application';
import { changeRole } from '@/lib/auth/admin/change-role';
import { deactivateAccount } from '@/lib/auth/admin/deactivate-account';
import { giveSubmitted, readShownVersion } from '@/tests/support/applications';
import { endingSession, releaseTogether, untilWaiting } from '@/tests/support/barrier';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, type SettledPerson } from '@/tests/support/settled-person';

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));
const operator = { author: { operator: 'somebody' } };

/** How someone is shut out. */
const ways = {
  deactivated: ({ userId }: SettledPerson) => deactivateAccount(database.db, { userId, ...operator }, at(90)),
  'given another role': ({ userId, role }: SettledPerson) =>
    changeRole(database.db, { userId, role: role === 'applicant' ? 'staff' : 'broker', ...operator }, at(90)),
  'signed out': ({ sessionId }: SettledPerson) => endSession(database.db, sessionId),
};

type Act = (db: Db, actor: SettledPerson, id: string) => Promise<unknown>;

/** Someone acts while the application is held by somebody else, and is shut out before it is free. Out: the answer. */
async function actLate(
  act: Act,
  { actor, id }: { actor: SettledPerson; id: string },
  way: keyof typeof ways,
) {
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(`select from applications where id = '${id}' for no key update`);
    const acting = act(database.db, actor, id);
    acting.catch(() => undefined);
    await untilWaiting(holder, 1);
    // Whoever shuts them out does not wait for them.
    await ways[way](actor);
    await holder.query('commit');
    return await acting;
  } finally {
    await holder.query('rollback');
    holder.release();
  }
}

/** All that is kept about an application. */
async function readAll(id: string) {
  const { rows: row } = await database.db.execute(sql`select * from applications where id = ${id}`);
  const { rows: events } = await database.db.execute(
    sql`select * from application_events where application_id = ${id} order by id`,
  );
  const { rows: notices } = await database.db.execute(
    sql`select * from application_notices where application_id = ${id} order by id`,
  );
  const { rows: audits } = await database.db.execute(
    sql`select * from audit_log where details ->> 'application' = ${id} order by id`,
  );
  return { row, events, notices, audits };
}

const written = { title: 'A house', message: 'By the lake' };
const versionOf = async (id: string) => {
  const { rows } = await database.db.execute<{ version: number }>(
    sql`select version from applications where id = ${id}`,
  );
  return rows[0]!.version;
};
const lastEventOf = async (id: string) => {
  const { rows } = await database.db.execute<{ id: string }>(
    sql`select max(id)::text as id from application_events where application_id = ${id}`,
  );
  return Number(rows[0]!.id);
};

/** What the operator's people do by hand. */
const byStaff: Record<string, Act> = {
  move: async (db, actor, id) =>
    moveByHand(
      db,
      actor,
      { id, to: 'documents_needed', version: await versionOf(id), note: 'A lease' },
      at(60),
    ),
  undo: async (db, actor, id) => undoMove(db, actor, { id, eventId: await lastEventOf(id) }, at(31)),
  note: (db, actor, id) => noteByHand(db, actor, { id, note: 'Called', internalNote: 'Twice' }, at(60)),
  assign: async (db, actor, id) => {
    const wanted = {
      id,
      assigneeId: actor.userId,
      seenAssigneeId: null,
      version: await versionOf(id),
    };
    return assignByHand(db, actor, wanted, at(60));
  },
};

/** What applicants do about their own, once it is handed in. */
const byApplicant: Record<string, Act> = {
  answer: (db, actor, id) => answerApplication(db, actor, { id, note: 'Here it is' }, at(300)),
  withdraw: async (db, actor, id) => {
    const version = await readShownVersion(database.db, actor, id, after(noon, 300));
    return moveApplication(db, actor, { id, to: 'withdrawn', version }, at(300));
  },
};

/** And about a draft. */
const byWriter: Record<string, Act> = {
  save: async (db, actor, id) =>
    saveDraft(db, actor, { id, version: await versionOf(id), ...written }, at(60)),
  submit: async (db, actor, id) =>
    submitApplication(db, actor, { id, version: await versionOf(id), ...written }, at(60)),
  discard: async (db, actor, id) => discardDraft(db, actor, { id, version: await versionOf(id) }),
};

const each = (acts: Record<string, Act>) =>
  Object.keys(acts).flatMap((what) =>
    (Object.keys(ways) as (keyof typeof ways)[]).map((way) => [what, way] as const),
  );

describe('nothing is done any more by who is shut out while they wait for an application', () => {
  test.each(each(byStaff))('of the operator’s people: %s, %s', async (what, way) => {
    const actor = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    const { id, version } = await giveSubmitted(database.db, await giveSettledPerson(database.db), noon);
    const first = { id, to: 'in_review', version } as const;
    expect(await moveApplication(database.db, actor, first, at(30))).toMatchObject({ ok: true });
    const before = await readAll(id);
    expect(await actLate(byStaff[what]!, { actor, id }, way)).toEqual({ ok: false, reason: 'not_open' });
    expect(await readAll(id)).toEqual(before);
  });

  test.each(each(byApplicant))('of applicants: %s, %s', async (what, way) => {
    const staff = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    const actor = await giveSettledPerson(database.db);
    const { id, version } = await giveSubmitted(database.db, actor, noon);
    const asked = { id, to: 'documents_needed', version, note: 'A lease' } as const;
    expect(await moveApplication(database.db, staff, asked, at(30))).toMatchObject({ ok: true });
    const before = await readAll(id);
    expect(await actLate(byApplicant[what]!, { actor, id }, way)).toEqual({ ok: false, reason: 'not_open' });
    const now = await readAll(id);
    expect(now.row).toEqual(before.row);
    expect(now.events).toEqual(before.events);
  });

  test.each(each(byWriter))('of who writes a draft: %s, %s', async (what, way) => {
    const actor = await giveSettledPerson(database.db);
    const draft = { id: null, version: null, title: `Home ${randomUUID()}`, message: 'Two rooms' };
    const saved = await saveDraft(database.db, actor, draft, at(0));
    if (!saved.ok) throw new Error(saved.reason);
    const before = await readAll(saved.id);
    const answer = await actLate(byWriter[what]!, { actor, id: saved.id }, way);
    expect(answer).toEqual({ ok: false, reason: 'not_open' });
    expect(await readAll(saved.id)).toEqual(before);
  });
});

describe('who waits too long for an application is told that it is busy, and nothing is done; once it is free, it is', () => {
  /** A pool like that of the web server that has less patience. */
  let pool: ReturnType<typeof openPool>;
  beforeAll(() => {
    pool = openPool(database.url, { lockTimeoutMs: 200 });
  });
  afterAll(() => pool.end());

  async function expectBusy(act: Act, actor: SettledPerson, id: string): Promise<void> {
    const before = await readAll(id);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query(`select from applications where id = '${id}' for update`);
      expect(await act(drizzle(pool), actor, id)).toMatchObject({ ok: false, reason: 'busy' });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await readAll(id)).toEqual(before);
    expect(await act(database.db, actor, id)).toMatchObject({ ok: true });
  }

  test.each(Object.keys(byStaff))('of the operator’s people: %s', async (what) => {
    const actor = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    const { id, version } = await giveSubmitted(database.db, await giveSettledPerson(database.db), noon);
    const first = { id, to: 'in_review', version } as const;
    expect(await moveApplication(database.db, actor, first, at(30))).toMatchObject({ ok: true });
    await expectBusy(byStaff[what]!, actor, id);
  });

  test.each(Object.keys(byApplicant))('of applicants: %s', async (what) => {
    const staff = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    const actor = await giveSettledPerson(database.db);
    const { id, version } = await giveSubmitted(database.db, actor, noon);
    const asked = { id, to: 'documents_needed', version, note: 'A lease' } as const;
    expect(await moveApplication(database.db, staff, asked, at(30))).toMatchObject({ ok: true });
    await expectBusy(byApplicant[what]!, actor, id);
  });

  test.each(Object.keys(byWriter))('of who writes a draft: %s', async (what) => {
    const actor = await giveSettledPerson(database.db);
    const draft = { id: null, version: null, title: `Home ${randomUUID()}`, message: 'Two rooms' };
    const saved = await saveDraft(database.db, actor, draft, at(0));
    if (!saved.ok) throw new Error(saved.reason);
    await expectBusy(byWriter[what]!, actor, saved.id);
  });
});

test('nor is anything begun by whose session is being ended', async () => {
  const staff = await giveSettledPerson(database.db, { role: 'staff', phone: null });
  const opening = { name: 'Pat Paper', ...written };
  expect(
    await releaseTogether<unknown>(database.pool, endingSession(staff), 1, [
      () => openForSomeone(database.db, staff, opening, at(60)),
    ]),
  ).toEqual([{ status: 'fulfilled', value: { ok: false, reason: 'not_open' } }]);
  const applicant = await giveSettledPerson(database.db);
  expect(
    await releaseTogether<unknown>(database.pool, endingSession(applicant), 1, [
      () => saveDraft(database.db, applicant, { id: null, version: null, ...written }, at(60)),
    ]),
  ).toEqual([{ status: 'fulfilled', value: { ok: false, reason: 'not_open' } }]);
  const { rows } = await database.db.execute(sql`
    select from applications where assignee_id = ${staff.userId} or applicant_id = ${applicant.userId}`);
  expect(rows).toEqual([]);
});

test('to look whether somebody is signed in still takes one statement, and none for a program', async () => {
  const actor = await giveSettledPerson(database.db, { role: 'staff', phone: null });
  const { userId, role } = actor;
  const counts: number[] = [];
  for (const viewer of [{ userId, role }, actor]) {
    const { id, version } = await giveSubmitted(database.db, await giveSettledPerson(database.db), noon);
    const wanted = { id, to: 'in_review', version } as const;
    const sent = await recordStatements(database.pool, async () => {
      expect(await moveApplication(database.db, viewer, wanted, at(60))).toMatchObject({ ok: true });
    });
    counts.push(sent.length);
  }
  expect(counts[1]).toBe(counts[0]! + 1);
});
