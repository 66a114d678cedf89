import type { Db } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';

/** Spends all tries of an email that unknown browsers share, as strangers at many addresses do. */
export async function spendSharedTries(db: Db, email: string, now: Date): Promise<void> {
  const entry = { keys: limitKeys('password_email', [emailKey(email)]), rules: limits.passwordsPerEmail };
  while ((await takeHits(db, [entry], now)).ok);
}
