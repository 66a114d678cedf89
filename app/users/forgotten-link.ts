import { seal, unseal } from '@/lib/seal';

const label = 'forgotten-email';

/** Leads to a new password with the email as it was typed, sealed, since links end up in histories and access logs. */
export function linkToForgotten(email: string): { href: string; words: string; here: true } {
  const query = new URLSearchParams({ email: seal(label, email.slice(0, 254)) });
  return {
    href: `/users/forgot-password?${query}`,
    words: 'Forgot your password? Choose a new one',
    here: true,
  };
}

/** The email of such a link; undefined for anything else. */
export function readForgotten(sealed: string | string[] | undefined): string | undefined {
  return typeof sealed === 'string' ? (unseal(label, sealed) ?? undefined) : undefined;
}
