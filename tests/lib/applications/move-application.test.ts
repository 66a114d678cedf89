import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { applicationStatuses } from '@/db/schema/applications';
import { addNote, answerApplication, assignApplication } from '@/lib/applications/add-to-timeline';
import { findApplication } from '@/lib/applications/application';
import { readMyApplication } from '@/lib/applications/my-applications';
import { deleteUser } from '@/lib/accounts/users';
import { eraseApplications } from '@/lib/applications/erase-applications';
import { lockForErasure } from '@/lib/accounts/lock-users';
import { moves, movesFrom } from '@/lib/applications/moves';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { readUndoSeconds, saveUndoSeconds } from '@/lib/applications/undo-time';
import {
  discardDraft,
  openForSomeone,
  saveDraft,
  submitApplication,
} from '@/lib/applications/write-application';
import { newId } from '@/lib/random';
import {
  giveApplicant,
  giveStaff,
  giveSubmitted,
  readApplicationRow,
  readShownVersion,
} from '@/tests/support/applications';
import { releaseTogether, untilWaiting } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));
const roles = ['applicant', 'broker', 'staff', 'admin'] as const;

async function put(id: string, changes: { status?: string; assignee?: string }): Promise<void> {
  await database.db.execute(sql`
    update applications set status = coalesce(${changes.status ?? null}, status),
      assignee_id = coalesce(${changes.assignee ?? null}::uuid, assignee_id) where id = ${id}`);
  await database.db.execute(sql`
    update application_events set to_status = coalesce(${changes.status ?? null}, to_status) where application_id = ${id} and kind = 'moved'`);
}

describe('who may make which move', () => {
  test.each(applicationStatuses.flatMap((status) => roles.map((role) => [status, role] as const)))(
    'of all there are, from %s as %s only those of the table are made',
    async (status, role) => {
      const applicant = await giveApplicant(database.db);
      const mover = role === 'applicant' ? applicant : await giveStaff(database.db, role);
      const made: string[] = [];
      for (const to of applicationStatuses) {
        const { id, version: rowVersion } = await giveSubmitted(database.db, applicant, noon);
        await put(id, { status, assignee: mover.userId });
        const isShown = role === 'applicant' && status !== 'draft';
        const version = isShown ? await readShownVersion(database.db, mover, id, noon) : rowVersion;
        const answer = await moveApplication(
          database.db,
          mover,
          { id, to, version, note: 'A lease' },
          at(60),
        );
        if (answer.ok) made.push(to);
        else expect(['not_allowed', 'not_found']).toContain(answer.reason);
        expect((await readApplicationRow(database.db, id)).status).toBe(answer.ok ? to : status);
      }
      // Nobody but its applicant sees a draft.
      const allowed = status === 'draft' && role !== 'applicant' ? [] : movesFrom(status, role);
      expect(made.sort()).toEqual([...allowed].sort());
    },
  );

  test('no broker decides, and nothing that was decided or withdrawn is withdrawn by its applicant', () => {
    for (const { from, to, by } of moves) {
      if (to === 'approved' || to === 'declined') expect(by).toEqual(['staff', 'admin']);
      if (['approved', 'declined', 'withdrawn'].includes(from)) expect(by).not.toContain('applicant');
    }
  });

  test('a broker neither sees nor moves what is not assigned to them', async () => {
    const broker = await giveStaff(database.db, 'broker');
    const { id, version } = await giveSubmitted(database.db, await giveApplicant(database.db), noon);
    expect(await findApplication(database.db, broker, id)).toBeNull();
    expect(await moveApplication(database.db, broker, { id, to: 'in_review', version }, at(60))).toEqual({
      ok: false,
      reason: 'not_found',
    });
  });

  test('nobody moves their own, nor writes notes on it, as one of the operator’s people', async () => {
    const applicant = await giveApplicant(database.db);
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const promoted = { userId: applicant.userId, role: 'admin' as const };
    expect(
      await moveApplication(database.db, promoted, { id, to: 'in_review', version }, at(60)),
    ).toMatchObject({
      ok: false,
      reason: 'not_found',
    });
    const note = { id, note: 'Great', internalNote: null };
    expect(await addNote(database.db, promoted, note, at(60))).toEqual({ ok: false, reason: 'not_found' });
  });

  test('to ask for documents takes a note that says which', async () => {
    const staff = await giveStaff(database.db);
    const { id, version } = await giveSubmitted(database.db, await giveApplicant(database.db), noon);
    const answer = await moveApplication(
      database.db,
      staff,
      { id, to: 'documents_needed', version, note: '' },
      at(1),
    );
    expect(answer).toEqual({ ok: false, reason: 'note_missing' });
  });
});

describe('two who move one application', () => {
  test('at the same instant: one wins, and the other is told how it is now', async () => {
    const [one, other] = [await giveStaff(database.db), await giveStaff(database.db, 'admin')];
    const { id, version } = await giveSubmitted(database.db, await giveApplicant(database.db), noon);
    const answers = await releaseTogether(
      database.pool,
      `select from applications where id = '${id}' for update`,
      2,
      [
        () => moveApplication(database.db, one, { id, to: 'in_review', version }, at(60)),
        () =>
          moveApplication(
            database.db,
            other,
            { id, to: 'documents_needed', version, note: 'A lease' },
            at(60),
          ),
      ],
    );
    const said = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
    expect(said.filter((answer) => answer?.ok)).toHaveLength(1);
    const lost = said.find((answer) => !answer?.ok);
    const row = await readApplicationRow(database.db, id);
    expect(lost).toMatchObject({ reason: 'changed_meanwhile', application: { status: row.status } });
    expect(row.version).toBe(version + 1);
    const { rows } = await database.db.execute(
      sql`select from audit_log where action = 'application_moved' and details ->> 'application' = ${id} and at > ${noon.toISOString()}`,
    );
    expect(rows).toHaveLength(1);
  });

  test('an applicant who withdraws while a move is made that they do not see withdraws', async () => {
    for (let round = 0; round < 10; round += 1) {
      const staff = await giveStaff(database.db);
      const applicant = await giveApplicant(database.db);
      const { id, version } = await giveSubmitted(database.db, applicant, noon);
      const shown = await readShownVersion(database.db, applicant, id, noon);
      const [, withdrawn] = await Promise.all([
        moveApplication(database.db, staff, { id, to: 'in_review', version }, at(60)),
        moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, at(60)),
      ]);
      expect(withdrawn).toMatchObject({ ok: true });
      expect(await readApplicationRow(database.db, id)).toMatchObject({ status: 'withdrawn', news: null });
    }
  });
});

describe('taking a move back', () => {
  async function giveMoved(seconds = 60) {
    const staff = await giveStaff(database.db);
    const applicant = await giveApplicant(database.db);
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const moved = await moveApplication(database.db, staff, { id, to: 'in_review', version }, at(seconds));
    if (!moved.ok) throw new Error(moved.reason);
    return { staff, applicant, id, version: version + 1, ...moved };
  }

  test('within ten seconds puts it back where it was, since when it was', async () => {
    const { staff, id, eventId, undoUntil } = await giveMoved();
    expect(undoUntil).toEqual(after(noon, 70));
    expect(await undoMove(database.db, staff, { id, eventId }, at(69))).toEqual({ ok: true });
    const { rows } = await database.db.execute<{ status: string; moved_at: string; version: number }>(
      sql`select status, moved_at, version from applications where id = ${id}`,
    );
    expect(rows[0]).toMatchObject({ status: 'submitted', version: 4 });
    expect(new Date(rows[0]!.moved_at)).toEqual(noon);
    expect(await readApplicationRow(database.db, id)).toMatchObject({
      news: null,
      notices: [{ state: 'superseded' }],
    });
    // A second click.
    expect(await undoMove(database.db, staff, { id, eventId }, at(69))).toEqual({
      ok: false,
      reason: 'undone_already',
    });
  });

  test.each([
    ['later', 70, {}],
    ['by someone else', 65, { other: true }],
    ['after the next move', 65, { next: true }],
  ] as const)(
    '%s is refused',
    async (_when, seconds, { other = false, next = false }: { other?: boolean; next?: boolean }) => {
      const { staff, id, eventId, version } = await giveMoved();
      const mover = other ? await giveStaff(database.db, 'admin') : staff;
      if (next) await moveApplication(database.db, staff, { id, to: 'approved', version }, at(62));
      const before = await readApplicationRow(database.db, id);
      expect(await undoMove(database.db, mover, { id, eventId }, at(seconds))).toEqual({
        ok: false,
        reason: 'too_late',
      });
      expect(await readApplicationRow(database.db, id)).toEqual(before);
    },
  );

  test('the time for it is the mover’s own, from 10 to 120 seconds', async () => {
    const { userId } = await giveStaff(database.db);
    expect(await readUndoSeconds(database.db, userId)).toBe(10);
    for (const [wished, saved] of [
      [60, 60],
      [1, 10],
      [999, 120],
    ] as const) {
      expect(await saveUndoSeconds(database.db, userId, wished)).toBe(saved);
      expect(await readUndoSeconds(database.db, userId)).toBe(saved);
    }
    await database.db.execute(sql`update staff_preferences set undo_seconds = -5 where user_id = ${userId}`);
    expect(await readUndoSeconds(database.db, userId)).toBe(10);
  });
});

describe('an applicant who acts while a move is hidden from them', () => {
  async function giveHidden(
    to: 'approved' | 'in_review' | 'documents_needed',
    from: 'in_review' | 'documents_needed',
  ) {
    const [staff, applicant] = [await giveStaff(database.db), await giveApplicant(database.db)];
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const note = 'A lease';
    await moveApplication(database.db, staff, { id, to: from, version, note }, at(60));
    const shown = await readShownVersion(database.db, applicant, id, after(noon, 600));
    const hidden = await moveApplication(database.db, staff, { id, to, version: version + 1, note }, at(601));
    if (!hidden.ok) throw new Error(hidden.reason);
    return { staff, applicant, id, version: version + 2, shown, eventId: hidden.eventId };
  }

  test('has the same version in their forms, also once it is undone', async () => {
    const { staff, applicant, id, shown, eventId } = await giveHidden('approved', 'in_review');
    expect(await readShownVersion(database.db, applicant, id, after(noon, 602))).toBe(shown);
    await undoMove(database.db, staff, { id, eventId }, at(605));
    expect(await readShownVersion(database.db, applicant, id, after(noon, 900))).toBe(shown);
  });

  test('withdraws from where they see it, and what was hidden is taken back', async () => {
    const { staff, applicant, id, shown, eventId } = await giveHidden('approved', 'in_review');
    const withdrawal = { id, to: 'withdrawn', version: shown } as const;
    expect(await moveApplication(database.db, applicant, withdrawal, at(605))).toMatchObject({ ok: true });
    expect(await readApplicationRow(database.db, id)).toMatchObject({ status: 'withdrawn', news: 'waiting' });
    const { rows } = await database.db.execute(sql`
      select from_status, to_status, undone_at is not null as undone from application_events
      where application_id = ${id} order by id desc limit 2`);
    expect(rows).toEqual([
      { from_status: 'in_review', to_status: 'withdrawn', undone: false },
      { from_status: 'in_review', to_status: 'approved', undone: true },
    ]);
    expect(await undoMove(database.db, staff, { id, eventId }, at(606))).toMatchObject({
      reason: 'undone_already',
    });
  });

  test('is refused once it is shown, and told how it is then', async () => {
    const { applicant, id, shown } = await giveHidden('approved', 'in_review');
    const withdrawal = { id, to: 'withdrawn', version: shown } as const;
    expect(await moveApplication(database.db, applicant, withdrawal, at(700))).toMatchObject({
      reason: 'changed_meanwhile',
      application: { status: 'approved' },
    });
  });

  test('is refused once they were told of it, also where it was asked before that and had to wait', async () => {
    const { applicant, id, shown } = await giveHidden('approved', 'in_review');
    const onFault = (_notice: string, error: unknown) => expect.unreachable(String(error));
    await decideNotices(database.db, after(noon, 612), { onFault });
    const withdrawal = { id, to: 'withdrawn', version: shown } as const;
    expect(await moveApplication(database.db, applicant, withdrawal, at(610))).toMatchObject({
      reason: 'changed_meanwhile',
      application: { status: 'approved' },
    });
  });

  test('answers what they see asked for, and the move stands', async () => {
    const { applicant, id } = await giveHidden('in_review', 'documents_needed');
    expect(await answerApplication(database.db, applicant, { id, note: 'Here' }, at(605))).toEqual({
      ok: true,
    });
    expect((await readApplicationRow(database.db, id)).status).toBe('in_review');
  });

  test('does not answer what they cannot see yet', async () => {
    const { staff, applicant, id, version } = await giveHidden('in_review', 'documents_needed');
    const again = { id, to: 'documents_needed', version, note: 'Another lease' } as const;
    await moveApplication(database.db, staff, again, at(603));
    expect(await answerApplication(database.db, applicant, { id, note: 'Here' }, at(605))).toEqual({
      ok: true,
    });
    const isAnswered = async (seconds: number) =>
      (await readMyApplication(database.db, applicant.userId, id, after(noon, seconds)))!.application
        .isAnswered;
    expect([await isAnswered(606), await isAnswered(700)]).toEqual([true, false]);
    const { notices } = await readApplicationRow(database.db, id);
    expect(notices.filter(({ kind }) => kind === 'reminder').map(({ state }) => state)).toEqual([
      'superseded',
      'waiting',
      'superseded',
      'waiting',
    ]);
  });
});

describe('what applicants write', () => {
  test('a draft is theirs alone, and of two pages the second to save is told', async () => {
    const applicant = await giveApplicant(database.db);
    const text = { title: 'Elm Street', message: 'Two rooms' };
    const first = await saveDraft(database.db, applicant, { ...text, id: null, version: null }, at(0));
    if (!first.ok) throw new Error(first.reason);
    const { id, version } = first;
    expect(await saveDraft(database.db, applicant, { ...text, id, version }, at(1))).toMatchObject({
      version: 2,
    });
    expect(await saveDraft(database.db, applicant, { ...text, id, version }, at(2))).toMatchObject({
      reason: 'changed_meanwhile',
    });
    for (const role of ['staff', 'admin', 'broker'] as const) {
      const someone = await giveStaff(database.db, role);
      await put(id, { assignee: someone.userId });
      expect(await findApplication(database.db, someone, id)).toBeNull();
    }
    const other = await giveApplicant(database.db);
    expect(await saveDraft(database.db, other, { ...text, id, version: 2 }, at(3))).toEqual({
      ok: false,
      reason: 'not_found',
    });
    expect(await submitApplication(database.db, applicant, { ...text, id, version: 2 }, at(4))).toMatchObject(
      {
        ok: true,
        id,
        undoUntil: null,
      },
    );
    expect(await saveDraft(database.db, applicant, { ...text, id, version: 4 }, at(5))).toMatchObject({
      reason: 'changed_meanwhile',
    });
  });

  test('new ones are counted: a hundred a day, thirty an hour', async () => {
    const applicant = await giveApplicant(database.db);
    const draft = { id: null, version: null, title: 'x', message: 'y' };
    for (let index = 0; index < 30; index += 1) {
      expect((await saveDraft(database.db, applicant, draft, at(index))).ok).toBe(true);
    }
    expect(await saveDraft(database.db, applicant, draft, at(31))).toMatchObject({
      reason: 'too_many_changes',
    });
  });

  test('an answer is taken only while something is asked for that they can see', async () => {
    const staff = await giveStaff(database.db);
    const applicant = await giveApplicant(database.db);
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const answer = (seconds: number) =>
      answerApplication(database.db, applicant, { id, note: 'Here it is' }, at(seconds));
    expect(await answer(1)).toEqual({ ok: false, reason: 'not_asked' });
    await moveApplication(
      database.db,
      staff,
      { id, to: 'documents_needed', version, note: 'A lease' },
      at(60),
    );
    expect(await answer(65)).toEqual({ ok: false, reason: 'not_asked' });
    expect(await answer(71)).toEqual({ ok: true });
    expect((await readApplicationRow(database.db, id)).notices).toMatchObject([
      { kind: 'documents', state: 'superseded' },
      { kind: 'reminder', state: 'superseded' },
      { kind: 'reminder', state: 'superseded' },
    ]);
    const stranger = await giveApplicant(database.db);
    expect(await answerApplication(database.db, stranger, { id, note: 'x' }, at(72))).toEqual({
      ok: false,
      reason: 'not_found',
    });
  });
});

test('an answer that is refused does not count, and those that are taken do', async () => {
  const [staff, applicant] = [await giveStaff(database.db), await giveApplicant(database.db)];
  const { id, version } = await giveSubmitted(database.db, applicant, noon);
  const answer = (about: string, seconds: number) =>
    answerApplication(database.db, applicant, { id: about, note: 'Here' }, at(seconds));
  for (let count = 0; count < 20; count += 1) {
    expect(await answer(id, count)).toMatchObject({ reason: 'not_asked' });
    expect(await answer(newId(), count)).toMatchObject({ reason: 'not_found' });
  }
  const asked = { id, to: 'documents_needed', version, note: 'A lease' } as const;
  await moveApplication(database.db, staff, asked, at(30));
  // The application itself was one of thirty an hour.
  for (let count = 0; count < 29; count += 1) expect(await answer(id, 60 + count)).toEqual({ ok: true });
  expect(await answer(id, 100)).toMatchObject({ reason: 'too_many_changes' });
});

test('staff open one for someone without an account, and nothing is sent for its moves', async () => {
  const staff = await giveStaff(database.db);
  const written = { name: 'No Phone', title: 'Elm Street', message: 'By letter' };
  const opened = await openForSomeone(database.db, staff, written, at(0));
  if (!opened.ok) throw new Error(opened.reason);
  const { id } = opened;
  expect(await moveApplication(database.db, staff, { id, to: 'in_review', version: 1 }, at(1))).toMatchObject(
    {
      ok: true,
    },
  );
  expect(await findApplication(database.db, staff, id)).toMatchObject({
    applicantName: 'No Phone',
    version: 2,
  });
});

test('applications are given only to open accounts of the operator’s people, by staff and admins', async () => {
  const [staff, broker] = [await giveStaff(database.db), await giveStaff(database.db, 'broker')];
  const applicant = await giveApplicant(database.db);
  const { id, version } = await giveSubmitted(database.db, applicant, noon);
  const assign = (
    viewer: typeof staff,
    assigneeId: string | null,
    seenAssigneeId: string | null = null,
    on = version,
  ) => assignApplication(database.db, viewer, { id, assigneeId, seenAssigneeId, version: on }, at(1));
  expect(await assign(broker, broker.userId)).toMatchObject({ reason: 'not_found' });
  expect(await assign(applicant, applicant.userId)).toMatchObject({ reason: 'not_found' });
  for (const nobody of [applicant.userId, newId(), 'x'])
    expect(await assign(staff, nobody)).toMatchObject({ reason: 'not_assignable' });
  expect(await assign(staff, broker.userId)).toEqual({ ok: true });
  expect(await findApplication(database.db, broker, id)).toMatchObject({ id, assigneeId: broker.userId });
  // Its applicant, who does not see that, finds it as it was.
  const shown = await readShownVersion(database.db, applicant, id, after(noon, 2));
  expect(
    await moveApplication(database.db, applicant, { id, to: 'withdrawn', version: shown }, at(2)),
  ).toMatchObject({ ok: true });
  expect(await assign(staff, null, broker.userId)).toMatchObject({ reason: 'changed_meanwhile' });
  expect(await assign(staff, null, broker.userId, version + 1)).toEqual({ ok: true });
  expect(await findApplication(database.db, broker, id)).toBeNull();
});

test('of two who assign one at the same instant one wins, and the other is told', async () => {
  const [one, other] = [await giveStaff(database.db), await giveStaff(database.db, 'admin')];
  const brokers = [await giveStaff(database.db, 'broker'), await giveStaff(database.db, 'broker')];
  const { id, version } = await giveSubmitted(database.db, await giveApplicant(database.db), noon);
  const assign = (viewer: typeof one, index: number) => () =>
    assignApplication(
      database.db,
      viewer,
      { id, assigneeId: brokers[index]!.userId, seenAssigneeId: null, version },
      at(1),
    );
  const lock = `select from applications where id = '${id}' for update`;
  const answers = await releaseTogether(database.pool, lock, 2, [assign(one, 0), assign(other, 1)]);
  const said = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
  expect(said).toEqual(expect.arrayContaining([{ ok: true }, { ok: false, reason: 'changed_meanwhile' }]));
  const winner = said.findIndex((answer) => answer?.ok);
  expect(await findApplication(database.db, brokers[winner]!, id)).not.toBeNull();
  // Who wants what the other did has it.
  expect(await assign(other, winner)()).toEqual({ ok: true });
});

test('nobody is given their own', async () => {
  const [staff, broker] = [await giveStaff(database.db), await giveStaff(database.db, 'broker')];
  const { id, version } = await giveSubmitted(database.db, { ...broker, role: 'applicant' }, noon);
  const wanted = { id, assigneeId: broker.userId, seenAssigneeId: null, version };
  expect(await assignApplication(database.db, staff, wanted, at(1))).toMatchObject({
    reason: 'not_assignable',
  });
});

test('an assignment to someone whose account ends, and who once applied, waits for that and is refused', async () => {
  const [staff, broker] = [await giveStaff(database.db), await giveStaff(database.db, 'broker')];
  const { id, version } = await giveSubmitted(database.db, { ...broker, role: 'applicant' }, noon);
  const wanted = { id, assigneeId: broker.userId, seenAssigneeId: null, version };
  const assigned = await database.db.transaction(async (tx) => {
    await lockForErasure(tx, broker.userId);
    const running = assignApplication(database.db, staff, wanted, at(1));
    running.catch(() => undefined);
    const asker = { query: (text: string) => database.pool.query(text) } as unknown as Parameters<
      typeof untilWaiting
    >[0];
    await untilWaiting(asker, 1);
    // It would wait here for who waits for it, if the application were locked before the person.
    await eraseApplications(tx, broker.userId, after(noon, 1));
    await deleteUser(tx, broker.userId);
    return { running };
  });
  expect((await assigned.running).ok).toBe(false);
  expect((await readApplicationRow(database.db, id)).status).toBe('withdrawn');
});

test.each(['applicant', 'assignee'] as const)(
  'who moves an application while the account of its %s ends waits for that, and neither fails',
  async (who) => {
    const staff = await giveStaff(database.db);
    const broker = await giveStaff(database.db, 'broker');
    const applicant = await giveApplicant(database.db);
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const wanted = { id, assigneeId: broker.userId, seenAssigneeId: null, version };
    expect(await assignApplication(database.db, staff, wanted, at(1))).toEqual({ ok: true });
    const leaving = who === 'applicant' ? applicant.userId : broker.userId;
    const { running } = await database.db.transaction(async (tx) => {
      await lockForErasure(tx, leaving);
      const moving = moveApplication(database.db, staff, { id, to: 'in_review', version }, at(2));
      moving.catch(() => undefined);
      const asker = { query: (text: string) => database.pool.query(text) } as unknown as Parameters<
        typeof untilWaiting
      >[0];
      await untilWaiting(asker, 1);
      // It would wait here for who waits for it, if the application were locked before the person.
      await eraseApplications(tx, leaving, after(noon, 2));
      await deleteUser(tx, leaving);
      return { running: moving };
    });
    expect(await running).toMatchObject(
      who === 'applicant' ? { ok: false, reason: 'changed_meanwhile' } : { ok: true },
    );
  },
);

test('a draft that is no draft’s id at all is not there to be removed', async () => {
  const applicant = await giveApplicant(database.db);
  expect(await discardDraft(database.db, applicant, { id: 'none', version: 1 })).toEqual({
    ok: false,
    reason: 'not_found',
  });
});
