import { desc, eq, sql } from 'drizzle-orm';
import { emailLinks, mails } from '@/db/schema/mail';
import type { Db } from '@/db/client';
import { linkUrl } from '@/lib/mail/links';

/** The mails to an address, the latest first. */
export async function readMailsTo(db: Db, to: string) {
  return db
    .select()
    .from(mails)
    .where(eq(mails.to, to))
    .orderBy(desc(mails.createdAt), desc(sql`ctid`));
}

/** The token of the newest link that a mail carries to an address. */
export async function readToken(db: Db, email: string): Promise<string> {
  const [row] = await db
    .select({ link: emailLinks })
    .from(mails)
    .innerJoin(emailLinks, eq(emailLinks.id, mails.linkId))
    .where(eq(mails.to, email))
    .orderBy(desc(mails.createdAt), desc(sql`mails.ctid`))
    .limit(1);
  if (!row) throw new Error('No mail with a link went to this address');
  return new URL(linkUrl(row.link)).searchParams.get('link')!;
}
