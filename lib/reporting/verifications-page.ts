import type { Db } from '@/db/client';
import { readAdminTimeZone } from './admin-time-zone';
import { readSubject, type MessageSubject, type SeenSubject } from './message-subject';
import { listAttempts, type AttemptSearch, type SeenAttempt } from './verification-attempts';

export type VerificationsQuery = Omit<AttemptSearch, 'subject'> & { subject: MessageSubject | null };

export type VerificationsPage = {
  /** Empty while someone is to be chosen first. */
  attempts: SeenAttempt[];
  older: string | null;
  /** Whose attempts they are; null: everyone's. */
  subject: SeenSubject | null;
  /** In which moments are said to the admin. */
  timeZone: string;
};

const attemptsPerPage = 25;

/** Reads a page of the verification log, newest first, for an admin: three statements or four, however much there is. */
export async function readVerificationsPage(
  db: Db,
  { subject, ...search }: VerificationsQuery,
  adminId: string,
): Promise<VerificationsPage> {
  const [page, seen, timeZone] = await Promise.all([
    // No attempt is about an application, nor about several people.
    subject?.kind === 'application' || subject?.kind === 'names'
      ? { attempts: [], older: null }
      : listAttempts(db, { ...search, subject }, attemptsPerPage),
    subject && readSubject(db, subject),
    readAdminTimeZone(db, adminId),
  ]);
  return { ...page, subject: seen, timeZone };
}
