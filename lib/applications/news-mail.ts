import type { NoticeKind } from '@/db/schema/applications';
import { env } from '@/lib/env';
import { readMail } from '@/lib/mail/read-mail';

/** The mail that tells of a notice, as the outbox of mail keeps it. */
export function newsMailOf(kind: NoticeKind): {
  template: 'applicationNews' | 'documentsNeeded';
  params: { url: string };
} {
  return {
    template: kind === 'news' ? 'applicationNews' : 'documentsNeeded',
    params: { url: new URL('/applications', env().appUrl).href },
  };
}

/** What that mail says when it is sent. */
export function readNewsMail(kind: NoticeKind): { subject: string; text: string } {
  const { subject, text } = readMail({ ...newsMailOf(kind), link: null });
  return { subject, text: text.trim() };
}
