import { sql } from 'drizzle-orm';
import type { BulkOutcome, BulkState } from '@/db/schema/bulk';
import type { Db } from '@/db/client';

/** So many applications that are submitted, each of an applicant of these in turn; null: of someone without an account. */
export async function giveManySubmitted(
  db: Db,
  applicants: readonly ({ userId: string } | null)[],
  count: number,
  now: Date,
): Promise<string[]> {
  const users = applicants.map((each) => each?.userId ?? null);
  const { rows } = await db.execute<{ id: string }>(sql`
    with added as (
    insert into applications (id, applicant_id, applicant_name, title, message, status, created_at, moved_at)
    select gen_random_uuid(), who.id, case when who.id is null then 'Paper ' || n end, 'Home ' || n, 'Two rooms', 'submitted', at, at
    from generate_series(1, ${count}::int) n
    cross join lateral (select ${now.toISOString()}::timestamptz - interval '1 hour' + n * interval '1 second' as at) moment
    cross join lateral (
      select nullif(value, '')::uuid as id from jsonb_array_elements_text(${JSON.stringify(users.map((id) => id ?? ''))}::jsonb)
      with ordinality each (value, place) where place = 1 + (n - 1) % ${users.length}::int) who
    returning id, moved_at) select id from added order by moved_at`);
  return rows.map(({ id }) => id);
}

/** What a bulk move has come to. */
export async function readBulkRow(db: Db, id: string) {
  const { rows } = await db.execute<{ state: BulkState; paused_because: string | null }>(
    sql`select state, paused_because from bulk_moves where id = ${id}`,
  );
  const { rows: items } = await db.execute<{ outcome: BulkOutcome | null; count: number }>(
    sql`select outcome, count(*)::int as count from bulk_items where bulk_id = ${id} group by 1 order by 1`,
  );
  return {
    ...rows[0]!,
    items: Object.fromEntries(items.map(({ outcome, count }) => [outcome ?? 'open', count])),
  };
}

/** How often each of the applications was moved, was to be told of, and was texted about: of each the fewest and the most. */
export async function countMoves(db: Db, ids: readonly string[]) {
  const { rows } = await db.execute<{ moves: number[]; notices: number[]; texts: number[] }>(sql`
    with each as (
      select (select count(*)::int from application_events e where e.application_id = a.id and e.kind = 'moved') as moves,
        (select count(*)::int from application_notices n where n.application_id = a.id) as notices,
        (select count(*)::int from application_notices n join sms_messages m on m.dedupe_key = 'application:' || n.id::text
          where n.application_id = a.id) as texts
      from applications a where a.id = any(${`{${ids.join(',')}}`}::uuid[])
    )
    select array[min(moves), max(moves)] as moves, array[min(notices), max(notices)] as notices,
      array[min(texts), max(texts)] as texts from each`);
  return rows[0]!;
}
