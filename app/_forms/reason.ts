import { z } from 'zod';
import { readReason } from '@/lib/auth/admin/author';

const words = {
  reason_missing: 'Enter the reason.',
  reason_too_long: 'This reason is too long: enter up to 300 characters.',
} as const;

/** The reason that a form gives for an action, in one line. */
export const reason = z.string().transform((typed, check) => {
  const read = readReason(typed);
  if (read.ok) return read.reason;
  check.addIssue({ code: 'custom', message: words[read.reason] });
  return z.NEVER;
});
