import { sql } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { BulkOutcome } from '@/db/schema/bulk';
import type { Db } from '@/db/client';
import { seenBy } from '@/lib/applications/who-sees';
import type { SessionUser } from '@/lib/accounts/sessions';
import { stillSignedIn } from '@/lib/accounts/still-signed-in';
import { recordAudit } from '@/lib/audit';
import { refuseWithoutFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';
import { writeCsvRow } from '@/lib/csv';
import { isId } from '@/lib/random';
import { requireMover } from './select-bulk';

/** So many rows are read in one statement. */
const batchRows = 500;

/** Why an application is in the list of what could not be done. `open`: it was not its turn. `not_reached`: it was moved, and its news reached nobody. */
export type MissingReason = Exclude<BulkOutcome, 'moved'> | 'open' | 'not_reached';

/**
 * Lists, as CSV, what a bulk move could not do, and why: what was not moved, and what was moved without a way to reach its applicant.
 * Written down in the audit log, for who has shown their second factor within ten minutes. Null: there is no such bulk move, or it is
 * still a draft. It is read piece by piece, and ends with an error where its reader is signed out, deactivated or given another role
 * meanwhile.
 */
export async function openMissingList(
  db: Db,
  viewer: SessionUser,
  id: string,
  sayWhy: (reason: MissingReason) => string,
  context: RequestContext,
): Promise<AsyncGenerator<string, void> | 'confirm_first' | null> {
  requireMover(viewer);
  if ((await refuseWithoutFactor(db, viewer, context.now)) !== null) return 'confirm_first';
  if (!isId(id)) return null;
  const { rows } = await db.execute(sql`select from bulk_moves where id = ${id} and state <> 'draft'`);
  if (rows.length === 0) return null;
  const entry = { action: 'bulk_list_downloaded', userId: null, actorId: viewer.userId } as const;
  await recordAudit(db, { ...entry, details: { bulk: id } }, context);
  return writeList(db, viewer, id, sayWhy);
}

async function* writeList(
  db: Db,
  viewer: SessionUser,
  id: string,
  sayWhy: (reason: MissingReason) => string,
): AsyncGenerator<string, void> {
  yield writeCsvRow(['application', 'title', 'applicant', 'status', 'reason', 'why']);
  for (let behind = 0; ;) {
    const { rows } = await db.execute<{
      nth: number;
      application_id: string;
      title: string | null;
      applicant: string | null;
      status: ApplicationStatus | null;
      outcome: BulkOutcome | null;
      is_unreached: boolean;
      is_signed_in: boolean;
    }>(sql`
      with items as materialized (
        select nth, application_id, outcome, event_id from bulk_items
        where bulk_id = ${id} and nth > ${behind} order by nth limit ${batchRows}
      )
      select i.nth, i.application_id, a.title, coalesce(u.name, a.applicant_name) as applicant, a.status, i.outcome,
        exists (
          select from application_notices n
          where n.event_id = i.event_id and n.kind <> 'reminder' and n.state = 'unreached') as is_unreached,
        ${stillSignedIn(viewer)} as is_signed_in
      from items i left join applications a on a.id = i.application_id and ${seenBy(viewer)}
      left join users u on u.id = a.applicant_id order by i.nth`);
    if (rows[0]?.is_signed_in === false)
      throw new Error('The reader of the list was signed out while it was read');
    for (const row of rows) {
      const reason = reasonOf(row.outcome, row.is_unreached);
      if (reason === null) continue;
      yield writeCsvRow([row.application_id, row.title, row.applicant, row.status, reason, sayWhy(reason)]);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < batchRows) return;
    behind = last.nth;
  }
}

function reasonOf(outcome: BulkOutcome | null, isUnreached: boolean): MissingReason | null {
  if (outcome === null) return 'open';
  if (outcome !== 'moved') return outcome;
  return isUnreached ? 'not_reached' : null;
}
