import { commonPasswords } from '@/lib/accounts/common-passwords';
import {
  assessPassword,
  type PasswordRefusal,
  type PasswordStrength,
} from '@/lib/accounts/password-strength';

/** What is said about a new password while it is typed; a `refused` one may not be used, and `error` says why at length. */
export type PasswordVerdict = {
  level: 'refused' | 'fair' | 'good' | 'strong';
  words: string;
  error?: string;
};

/** The words for a refused password: while typing, and as the error of its field. */
export const passwordRefusals: Record<PasswordRefusal, { words: string; error: string }> = {
  too_short: {
    words: 'Too short. Use 8 characters or more.',
    error: 'This password is too short: use 8 characters or more.',
  },
  too_long: {
    words: 'Too long. Use up to 128 characters.',
    error: 'This password is too long: use up to 128 characters.',
  },
  common: {
    words: 'Too common: easy to guess.',
    error: 'This password is easy to guess, because many people use one like it. Choose another.',
  },
  contains_identity: {
    words: 'Too close to your name or email.',
    error: 'This password is easy to guess, because it is close to your name or email. Choose another.',
  },
};

const strengths: Record<PasswordStrength, string> = {
  fair: 'Fair. A few more characters would help.',
  good: 'Good password.',
  strong: 'Strong password.',
};

/** Judges a new password in the browser by the rules of the server, with the words for it. Load it on first focus. */
export function judgePassword(
  password: string,
  identity: { email?: string; name?: string } = {},
): PasswordVerdict {
  const assessment = assessPassword(password, { list: commonPasswords, ...identity });
  return assessment.acceptable
    ? { level: assessment.strength, words: strengths[assessment.strength] }
    : { level: 'refused', ...passwordRefusals[assessment.reason] };
}
