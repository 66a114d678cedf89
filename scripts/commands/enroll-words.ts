import type { EnrollLinkGiven } from '@/lib/auth/admin/give-enroll-link';

/** How the person gets to a second factor, as a command says it: with the link, which is printed this once. */
export function sayEnrollLink(enroll: EnrollLinkGiven): string {
  if (enroll.by === 'mail') return 'A link to set up a second factor is on its way to them by mail.';
  return `Give them this link, and nobody else. With their password it sets up a second factor, once, within 24 hours:\n${enroll.url}`;
}
