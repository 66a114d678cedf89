import { desc, eq, isNotNull, or } from 'drizzle-orm';
import { emailLinks, mails } from '@/db/schema/mail';
import type { Db } from '@/db/client';
import type { Env } from '@/lib/env';
import { linkUrl } from './links';
import { readMail } from './read-mail';

/**
 * Whether the page of mails exists for a request: only where mail goes to the console, and the request came without a Forwarded
 * or X-Forwarded header, which our listener marks (scripts/web/examine-request.ts).
 */
export function isDevMailOpen(env: Pick<Env, 'mail'>, headers: Headers): boolean {
  return env.mail.via === 'console' && !headers.has('x-doorstep-forwarded');
}

/** A mail as it went out; `url` is where its button leads. */
export type DevMail = { id: string; to: string; at: Date; subject: string; text: string; url: string | null };

const mostMails = 50;

/** The mails that went out lately, the latest first, with their words and links derived again from their rows. */
export async function listDevMails(db: Db): Promise<DevMail[]> {
  const rows = await db
    .select({ mail: mails, link: emailLinks })
    .from(mails)
    .leftJoin(emailLinks, eq(emailLinks.id, mails.linkId))
    // By the index of what is over.
    .where(or(isNotNull(mails.sentAt), isNotNull(mails.endedAt)))
    .orderBy(desc(mails.createdAt))
    .limit(mostMails);
  return rows.flatMap(({ mail, link }) => {
    const { id, to, sentAt: at, template, params } = mail;
    if (at === null) return [];
    const { subject, text } = readMail({ template, params, link });
    return [{ id, to, at, subject, text, url: link && linkUrl(link) }];
  });
}
