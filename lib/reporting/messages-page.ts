import type { Db } from '@/db/client';
import { readAdminTimeZone } from './admin-time-zone';
import { readSubject, type MessageSubject, type SeenSubject } from './message-subject';
import { searchTexts, type SeenText, type TextSearch } from './sms-texts';

export type MessagesQuery = Omit<TextSearch, 'subject'> & { subject: MessageSubject | null };

export type MessagesPage = {
  /** Empty while someone is to be chosen first. */
  texts: SeenText[];
  older: string | null;
  /** What the texts are about; null: everything. */
  subject: SeenSubject | null;
  /** In which moments are said to the admin. */
  timeZone: string;
};

const messagesPerPage = 25;

/** Reads a page of the texts that fit, newest first, for an admin: three statements or four, however much there is. */
export async function readMessagesPage(
  db: Db,
  { subject, ...search }: MessagesQuery,
  adminId: string,
): Promise<MessagesPage> {
  const [page, seen, timeZone] = await Promise.all([
    subject?.kind === 'names'
      ? { texts: [], older: null }
      : searchTexts(db, { ...search, subject }, messagesPerPage),
    subject && readSubject(db, subject),
    readAdminTimeZone(db, adminId),
  ]);
  return { ...page, subject: seen, timeZone };
}
