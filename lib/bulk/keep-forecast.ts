import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Role } from '@/db/schema/accounts';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { BulkForecast } from '@/db/schema/bulk';
import type { Db } from '@/db/client';
import { isTurn } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import type { Viewer } from '@/lib/applications/who-sees';
import { foresee } from './forecast';
import { draftsKeptMs } from './prune-bulk';

/** A forecast that is older is counted again before it is shown. */
const freshMs = 10 * 60_000;

/** A draft of no more is counted by the request that shows it: as many as are checked in a page of the list. */
const mostAtOnce = 50;

/** Whoever counts a forecast is gone, if nothing was heard for so long: a batch takes a fraction of a second. */
const leaseMs = 15_000;

const count = z.int().nonnegative();
const moment = z.iso.datetime();
const storedForecast = z.object({
  ...{ at: moment, people: count, texts: count, mails: count, unreached: count, unseen: count },
  ...{ segments: count, priceMicros: count, held: count, reminders: count, reminderMicros: count },
  tooOften: count,
  ...{ heldFrom: moment.nullable(), heldUntil: moment.nullable() },
}) satisfies z.ZodType<BulkForecast>;

/** A forecast as it is stored, if it is a sound one of this version. */
function readStored(text: string | null): BulkForecast | null {
  return text === null ? null : (storedForecast.safeParse(JSON.parse(text)).data ?? null);
}

/**
 * What the moves of a draft would lead to, as it is kept with the draft for ten minutes. Null: a worker counts it (`countNextForecast`),
 * and it is there some seconds later. So whoever reads the page of ten thousand in a loop makes no other page wait. A small draft is
 * counted at once.
 *
 * @param bulk.forecast as it is stored, in JSON
 */
export async function readForecast(
  db: Db,
  viewer: Viewer,
  bulk: { id: string; to: ApplicationStatus; items: number; forecast: string | null },
  now: Date,
): Promise<BulkForecast | null> {
  const { id, to, items, forecast: stored } = bulk;
  const kept = readStored(stored);
  if (kept !== null && Math.abs(now.getTime() - Date.parse(kept.at)) < freshMs) return kept;
  if (items > mostAtOnce) {
    if (stored !== null) await askForAnother(db, id, stored);
    return null;
  }
  const forecast = await foresee(db, viewer, { id, to }, now, async () => true);
  await db.execute(sql`
    update bulk_moves set forecast = ${JSON.stringify(forecast)}::jsonb
    where id = ${id} and state = 'draft' and to_status = ${to}`);
  return forecast;
}

/** One without a forecast is counted next. */
async function askForAnother(db: Db, id: string, stored: string): Promise<void> {
  await db.execute(sql`
    update bulk_moves set forecast = null where id = ${id} and state = 'draft' and forecast::text = ${stored}`);
}

/**
 * Counts the forecast of the draft that has waited longest for one. Any number of processes may do so at the same time: each takes
 * another draft, and counts one at a time. It is given up where `goOn`, which is asked behind each batch, says no, where the draft is
 * started, or goes elsewhere meanwhile. False: none waits.
 */
export async function countNextForecast(db: Db, now: Date, goOn: () => Promise<boolean>): Promise<boolean> {
  const begunMs = performance.now();
  const draft = await takeDraft(db, now);
  if (draft === null) return false;
  const { id, to, viewer } = draft;
  let ticket = draft.ticket;
  const isStill = () => sql`id = ${id} and state = 'draft' and next_at = ${timestamp(ticket)}`;
  const forecast = await foresee(db, viewer, { id, to }, now, async () => {
    if (!(await goOn())) return false;
    const next = new Date(now.getTime() + Math.round(performance.now() - begunMs) + leaseMs);
    const { rowCount } = await db.execute(
      sql`update bulk_moves set next_at = ${timestamp(next)} where ${isStill()}`,
    );
    ticket = next;
    return rowCount === 1;
  });
  if (forecast !== null) {
    await db.execute(
      sql`update bulk_moves set forecast = ${JSON.stringify(forecast)}::jsonb where ${isStill()}`,
    );
  }
  return true;
}

type Draft = { id: string; to: ApplicationStatus; viewer: Viewer; ticket: Date };

/** By the index of when they were made: drafts are kept for a day. */
async function takeDraft(db: Db, now: Date): Promise<Draft | null> {
  const ticket = new Date(now.getTime() + leaseMs);
  const { rows } = await db.execute<{
    id: string;
    to_status: ApplicationStatus;
    user_id: string;
    role: Role;
  }>(sql`
    update bulk_moves m set next_at = ${timestamp(ticket)} from users u where u.id = m.created_by and m.id = any(array(
      select d.id from bulk_moves d join users maker on maker.id = d.created_by and maker.role in ('staff', 'admin')
      where d.created_at > ${timestamp(new Date(now.getTime() - draftsKeptMs))} and d.state = 'draft' and d.to_status is not null
        and d.forecast is null and ${isTurn(sql`d.next_at`, now)}
      order by d.next_at limit 1 for update of d skip locked))
    returning m.id, m.to_status, u.id as user_id, u.role`);
  const row = rows[0];
  if (!row) return null;
  return { id: row.id, to: row.to_status, viewer: { userId: row.user_id, role: row.role }, ticket };
}
