import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { users } from '@/db/schema/accounts';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { Db } from '@/db/client';
import { moveApplication } from '@/lib/applications/move-application';
import { readMyApplication } from '@/lib/applications/my-applications';
import { saveDraft } from '@/lib/applications/write-application';
import type { Viewer } from '@/lib/applications/who-sees';
import { makePerson } from './texts';
import { contextAt, givePerson } from './people';

/** An applicant whom texts reach: proven number, consent, texts on, no quiet hours. */
export async function giveApplicant(db: Db): Promise<Viewer & { phone: string }> {
  const { userId, phone } = await makePerson(db);
  return { userId, phone, role: 'applicant' };
}

/** One of the operator's people. */
export async function giveStaff(db: Db, role: 'broker' | 'staff' | 'admin' = 'staff'): Promise<Viewer> {
  const { userId } = await givePerson(db, { active: true });
  await db
    .update(users)
    .set({ role })
    .where(sql`id = ${userId}`);
  return { userId, role };
}

/** An application that its applicant has handed in. Out: its id, and the version it has. */
export async function giveSubmitted(
  db: Db,
  applicant: Viewer,
  now: Date,
): Promise<{ id: string; version: number }> {
  const draft = { id: null, version: null, title: `Home ${randomUUID().slice(0, 8)}`, message: 'Two rooms' };
  const saved = await saveDraft(db, applicant, draft, contextAt(now));
  if (!saved.ok) throw new Error(saved.reason);
  const { id, version } = saved;
  const moved = await moveApplication(db, applicant, { id, to: 'submitted', version }, contextAt(now));
  if (!moved.ok) throw new Error(moved.reason);
  return { id, version: version + 1 };
}

/** The version that the forms of its applicant carry. */
export async function readShownVersion(db: Db, applicant: Viewer, id: string, now: Date): Promise<number> {
  const page = await readMyApplication(db, applicant.userId, id, now);
  return page!.application.version;
}

/** How an application and what was said about it are in the database. */
export async function readApplicationRow(db: Db, id: string) {
  const { rows } = await db.execute<{ status: ApplicationStatus; version: number; news: string | null }>(
    sql`select status, version, news from applications where id = ${id}`,
  );
  const { rows: notices } = await db.execute<{ kind: string; state: string; message_id: string | null }>(
    sql`select kind, state, message_id from application_notices where application_id = ${id} order by due_at, kind`,
  );
  return { ...rows[0]!, notices };
}
