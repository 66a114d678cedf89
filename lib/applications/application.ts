import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationStatus, NewsState } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { isStillSignedIn } from '@/lib/accounts/still-signed-in';
import { isId } from '@/lib/random';
import { seenBy, type Viewer } from './who-sees';

/** An application as its row is. */
export type Application = {
  id: string;
  applicantId: string | null;
  applicantName: string | null;
  title: string;
  message: string;
  status: ApplicationStatus;
  version: number;
  assigneeId: string | null;
  createdAt: Date;
  movedAt: Date;
  answeredAt: Date | null;
  news: NewsState | null;
};

/** How long what people write may be, in characters. */
export const applicationLimits = { title: 100, message: 4_000, note: 1_000, name: 200 } as const;

type Row = {
  id: string;
  applicant_id: string | null;
  applicant_name: string | null;
  title: string;
  message: string;
  status: ApplicationStatus;
  version: number;
  assignee_id: string | null;
  created_at: string;
  moved_at: string;
  answered_at: string | null;
  news: NewsState | null;
};

/** One application, if this person may see it. */
export async function findApplication(db: Db | Tx, viewer: Viewer, id: string): Promise<Application | null> {
  return selectApplication(db, viewer, id, sql``);
}

/** `not_found`: there is none, or it is not theirs to see. `not_open`: they were signed out meanwhile, or have another role. */
export type LockRefusal = { reason: 'not_found' | 'not_open' };

/**
 * The same for whoever is about to change it: nobody else changes it until the transaction ends. Who acts has to be signed in still when
 * it is their turn (`isStillSignedIn`): who is shut out while they wait does nothing more. `people`: `locked` where the caller
 * has locked them (`lockPeopleOf`).
 */
export async function lockApplication(
  tx: Tx,
  viewer: Viewer,
  id: string,
  { people = 'free' }: { people?: 'free' | 'locked' } = {},
): Promise<{ ok: true; application: Application } | ({ ok: false } & LockRefusal)> {
  if (isId(id) && people === 'free') await lockPeopleOf(tx, viewer, id);
  const application = await selectApplication(tx, viewer, id, sql`for no key update`);
  if (application === null) return { ok: false, reason: 'not_found' };
  if (!(await isStillSignedIn(tx, viewer))) return { ok: false, reason: 'not_open' };
  return { ok: true, application };
}

async function selectApplication(
  db: Db | Tx,
  viewer: Viewer,
  id: string,
  lock: SQL,
): Promise<Application | null> {
  if (!isId(id)) return null;
  const { rows } = await db.execute<Row>(sql`
    select id, applicant_id, applicant_name, title, message, status, version, assignee_id, created_at, moved_at, answered_at,
      news
    from applications a where a.id = ${id} and ${seenBy(viewer)} ${lock}`);
  return rows[0] ? readRow(rows[0]) : null;
}

/**
 * People before their applications, as by who deletes an account: who acts, and also whom the application names. A row that a
 * transaction changes twice has the people in it looked up again, and who deletes one of them would wait for the application.
 */
export async function lockPeopleOf(
  db: Db | Tx,
  { userId }: Pick<Viewer, 'userId'>,
  id: string,
): Promise<void> {
  await db.execute(sql`
    select from users where id = any(array(
      select ${userId}::uuid
      union all select applicant_id from applications where id = ${id}
      union all select assignee_id from applications where id = ${id}))
    order by id for key share`);
}

function readRow(row: Row): Application {
  return {
    id: row.id,
    applicantId: row.applicant_id,
    applicantName: row.applicant_name,
    title: row.title,
    message: row.message,
    status: row.status,
    version: row.version,
    assigneeId: row.assignee_id,
    createdAt: new Date(row.created_at),
    movedAt: new Date(row.moved_at),
    answeredAt: row.answered_at === null ? null : new Date(row.answered_at),
    news: row.news,
  };
}
