import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { assignByHand, moveByHand, noteByHand } from '@/lib/applications/by-hand';
import type { Viewer } from '@/lib/applications/who-sees';
import { newId } from '@/lib/random';
import { giveApplicant, giveStaff, giveSubmitted, readApplicationRow } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';

const database = useDatabase();

async function submit() {
  return giveSubmitted(database.db, await giveApplicant(database.db), noon);
}

/** Moves an application to and fro. Out: how many moves were made, and the answer to the last. */
async function loop(mover: Viewer, id: string, times: number, seconds: number) {
  let made = 0;
  for (let n = 0; ; n += 1) {
    const { status, version } = await readApplicationRow(database.db, id);
    const to = status === 'in_review' ? 'documents_needed' : 'in_review';
    const wanted = { id, to, version, note: 'A lease' } as const;
    const moved = await moveByHand(database.db, mover, wanted, contextAt(after(noon, seconds)));
    made += moved.ok ? 1 : 0;
    if (!moved.ok || made === times) return { made, last: moved };
  }
}

test('one application is moved ten times an hour at most, by whoever, and others go on', async () => {
  const [one, two] = [await giveStaff(database.db), await giveStaff(database.db)];
  const [first, second] = [await submit(), await submit()];
  expect(await loop(one, first.id, 6, 60)).toMatchObject({ made: 6 });
  expect(await loop(two, first.id, 6, 61)).toEqual({
    made: 4,
    last: { ok: false, reason: 'too_many', retryAt: after(noon, 60 + 3600) },
  });
  expect(await loop(two, second.id, 1, 62)).toMatchObject({ made: 1 });
  expect(await loop(one, first.id, 1, 60 + 3601)).toMatchObject({ made: 1 });
});

test('one of the operator’s people makes 120 moves an hour at most, and another goes on', async () => {
  const [one, two] = [await giveStaff(database.db), await giveStaff(database.db)];
  for (let n = 0; n < 12; n += 1)
    expect(await loop(one, (await submit()).id, 10, 60)).toMatchObject({ made: 10 });
  const next = await submit();
  expect(await loop(one, next.id, 1, 70)).toMatchObject({ made: 0, last: { reason: 'too_many' } });
  expect(await loop(two, next.id, 1, 71)).toMatchObject({ made: 1 });
});

test('a move that is refused does not count', async () => {
  const staff = await giveStaff(database.db);
  const { id, version } = await submit();
  for (let n = 0; n < 12; n += 1) {
    const wanted = { id, to: 'in_review', version: version + 5 } as const;
    const moved = await moveByHand(database.db, staff, wanted, contextAt(after(noon, 60)));
    expect(moved).toMatchObject({ reason: 'changed_meanwhile' });
  }
  expect(await loop(staff, id, 1, 61)).toMatchObject({ made: 1 });
});

test('an id in other letters is the same application, and one that is none leaves no count', async () => {
  const staff = await giveStaff(database.db);
  const { id } = await submit();
  expect(await loop(staff, id, 10, 60)).toMatchObject({ made: 10 });
  const { version } = await readApplicationRow(database.db, id);
  const wanted = { id: id.toUpperCase(), to: 'documents_needed', version, note: 'A lease' } as const;
  expect(await moveByHand(database.db, staff, wanted, contextAt(after(noon, 61)))).toMatchObject({
    reason: 'too_many',
  });
  const counts = () => database.db.execute(sql`select from rate_limits`);
  const before = (await counts()).rowCount;
  for (const none of ['made up', newId()]) {
    const move = { ...wanted, id: none };
    expect(await moveByHand(database.db, staff, move, contextAt(after(noon, 62)))).toEqual({
      ok: false,
      reason: 'not_found',
    });
  }
  expect((await counts()).rowCount).toBe(before);
});

test('brokers who move an application to and fro keep staff from nothing', async () => {
  const [broker, staff] = [await giveStaff(database.db, 'broker'), await giveStaff(database.db)];
  const { id } = await submit();
  await database.db.execute(sql`update applications set assignee_id = ${broker.userId} where id = ${id}`);
  expect(await loop(broker, id, 12, 60)).toMatchObject({ made: 10, last: { reason: 'too_many' } });
  expect(await loop(staff, id, 1, 61)).toMatchObject({ made: 1 });
});

test('a move that fails does not count', async () => {
  const staff = await giveStaff(database.db);
  const { id, version } = await submit();
  for (let n = 0; n < 12; n += 1) {
    const wanted = { id, to: 'in_review', version, note: '\0' } as const;
    await expect(moveByHand(database.db, staff, wanted, contextAt(after(noon, 60)))).rejects.toThrow();
  }
  expect(await loop(staff, id, 1, 61)).toMatchObject({ made: 1 });
});

test('notes and changes of assignee are counted together, by who writes and with what', async () => {
  const [one, two] = [await giveStaff(database.db), await giveStaff(database.db)];
  const [first, second] = [await submit(), await submit()];
  const note = (writer: Viewer, id: string) =>
    noteByHand(database.db, writer, { id, note: 'Seen', internalNote: null }, contextAt(after(noon, 60)));
  for (let n = 0; n < 59; n += 1) expect(await note(n % 2 ? one : two, first.id)).toEqual({ ok: true });
  expect(
    await noteByHand(
      database.db,
      one,
      { id: first.id, note: null, internalNote: null },
      contextAt(after(noon, 60)),
    ),
  ).toEqual({
    ok: false,
    reason: 'empty',
  });
  const { version } = await readApplicationRow(database.db, first.id);
  const assign = (assigneeId: string | null, seenAssigneeId: string | null) =>
    assignByHand(
      database.db,
      one,
      { id: first.id, assigneeId, seenAssigneeId, version },
      contextAt(after(noon, 60)),
    );
  expect(await assign(two.userId, null)).toEqual({ ok: true });
  expect(await assign(null, two.userId)).toMatchObject({
    reason: 'too_many',
    retryAt: after(noon, 60 + 3600),
  });
  expect(await note(two, first.id)).toMatchObject({ reason: 'too_many' });
  expect(await note(one, second.id)).toEqual({ ok: true });
});
