import { commonPasswords } from '@/lib/accounts/common-passwords';
import {
  assessPassword,
  passwordErrors,
  type PasswordRefusal,
  type PasswordStrength,
} from '@/lib/accounts/password-strength';

/** What is said about a new password while it is typed; a `refused` one may not be used, and `error` says why at length. */
export type PasswordVerdict = {
  level: 'refused' | 'fair' | 'good' | 'strong';
  words: string;
  error?: string;
};

/** The short words for a refused password, while it is typed. */
const refusals: Record<PasswordRefusal, string> = {
  too_short: 'Too short. Use 8 characters or more.',
  too_long: 'Too long. Use up to 128 characters.',
  common: 'Too common: easy to guess.',
  contains_identity: 'Too close to your name or email.',
  breached: 'Leaked from another site.',
};

const strengths: Record<PasswordStrength, string> = {
  fair: 'Fair. A few more characters would help.',
  good: 'Good password.',
  strong: 'Strong password.',
};

/** Judges a new password in the browser by the rules of the server, with the words for it. Load it on first focus. */
export function judgePassword(
  password: string,
  about: { siteName: string; email?: string; name?: string },
): PasswordVerdict {
  const assessment = assessPassword(password, { list: commonPasswords, ...about });
  return assessment.acceptable
    ? { level: assessment.strength, words: strengths[assessment.strength] }
    : { level: 'refused', words: refusals[assessment.reason], error: passwordErrors[assessment.reason] };
}
