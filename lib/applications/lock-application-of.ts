import { sql } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { fewAtOnce } from '@/lib/few-at-once';

/** Of the connections of a process, so many at most are taken for notices. */
const atOnce = 4;

/** A row that someone holds is waited for no longer: what is held by people who work is free sooner. */
const lockWaitMs = 100;

/** What waits for a row, or the database, comes again after this. */
export const postponedMs = 10_000;

/**
 * Locks the application that a notice is about, its applicant before it, as by who deletes an account. No lock is waited for
 * longer than `lockWaitMs` in this transaction from now on. False: there is none, or another process has it in hand, which is
 * not waited for.
 */
export async function lockApplicationOf(tx: Tx, id: string): Promise<boolean> {
  const { rows: found } = await tx.execute<{
    applicant_id: string | null;
    application_id: string;
    is_free: boolean;
  }>(sql`
    select a.applicant_id, n.application_id, set_config('lock_timeout', ${`${lockWaitMs}ms`}, true),
      pg_try_advisory_xact_lock(hashtextextended('notices:' || a.id::text, 0)) as is_free
    from application_notices n join applications a on a.id = n.application_id
    where n.id = ${id}`);
  const about = found[0];
  if (!about?.is_free) return false;
  if (about.applicant_id !== null) {
    await tx.execute(sql`select from users where id = ${about.applicant_id} for key share`);
  }
  await tx.execute(sql`select from applications where id = ${about.application_id} for no key update`);
  return true;
}

/**
 * Runs what is done about notices, those of one application one after the other, of several a few side by side: more would take
 * connections from what else the process does.
 */
export async function eachApplication(
  notices: readonly { id: string; application_id: string }[],
  run: (noticeId: string) => Promise<void>,
): Promise<void> {
  const few = fewAtOnce(atOnce);
  const runThese = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) await run(id);
  };
  await Promise.all(groupByApplication(notices).map((ids) => few(() => runThese(ids))));
}

/** The ids of notices, those of one application together. */
function groupByApplication(rows: readonly { id: string; application_id: string }[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const { id, application_id: applicationId } of rows)
    groups.set(applicationId, [...(groups.get(applicationId) ?? []), id]);
  return [...groups.values()];
}
