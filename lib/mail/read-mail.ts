import { env } from '@/lib/env';
import { layOut } from './layout';
import { linkUrl, sayLinkLife, type EmailLink } from './links';
import { fillTemplate } from './templates';

/** The words of a stored mail, with the address of its link as it is now. Throws where this version knows no such template. */
export function readMail(mail: {
  template: string;
  params: Record<string, string>;
  link: Pick<EmailLink, 'id' | 'purpose' | 'nonce'> | null;
}): { subject: string; text: string; html: string } {
  const { siteName: site, operator } = env();
  const link = mail.link === null ? null : linkUrl(mail.link);
  const lasts = mail.link === null ? '' : sayLinkLife(mail.link.purpose);
  const content = fillTemplate(mail.template, { site, link, lasts, params: mail.params });
  if (content === null) throw new Error(`There is no mail template ${mail.template}`);
  return { subject: content.subject, ...layOut(content, { site, contact: operator.contact }) };
}
