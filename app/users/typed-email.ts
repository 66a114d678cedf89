import { seal, unseal } from '@/lib/seal';

const label = 'typed-email';

/** The query of a link that takes along an email as it was typed, sealed, since links end up in histories and access logs. */
function sealEmail(email: string): URLSearchParams {
  return new URLSearchParams({ email: seal(label, email.slice(0, 254)) });
}

/** Leads to a new password, with the email filled in. */
export function linkToForgotten(email: string): { href: string; words: string; here: true } {
  return {
    href: `/users/forgot-password?${sealEmail(email)}`,
    words: 'Forgot your password? Choose a new one',
    here: true,
  };
}

/** Leads to sign-in, with the email filled in. */
export function linkToSignIn(email: string): { href: string; words: string; here: true } {
  return { href: `/users/login?${sealEmail(email)}`, words: 'Sign in with this email', here: true };
}

/** Leads to what is said once a link or a code was asked for, with the email that it was asked for. */
export function pathToSent(email: string): string {
  return `/users/forgot-password?${new URLSearchParams([['sent', 'yes'], ...sealEmail(email)])}`;
}

/** Leads to what is said once a password was reset, `how`, with the email to sign in with. */
export function pathToReset(how: string, email: string): string {
  return `/users/reset-password?${new URLSearchParams([['done', how], ...sealEmail(email)])}`;
}

/** The email of such a link; undefined for anything else. */
export function readTypedEmail(sealed: string | string[] | undefined): string | undefined {
  return typeof sealed === 'string' ? (unseal(label, sealed) ?? undefined) : undefined;
}
