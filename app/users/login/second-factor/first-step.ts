import { redirect } from 'next/navigation';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { safePath } from '@/app/_forms/safe-path';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPending } from '@/lib/accounts/pending';

/**
 * The token of whoever has just given the right password in this browser. Leads anyone else to the sign-in page, and to `next`
 * from there.
 */
export async function requireFirstStep(next: unknown): Promise<string> {
  const token = await readPendingCookie();
  const user = token === null ? null : await readPending(db(), token, databaseNow(), 'second_factor');
  return token === null || user === null ? leadToSignIn(next) : token;
}

/** To the sign-in page, and to `next` from there. */
export function leadToSignIn(next: unknown): never {
  redirect(`/users/login?next=${encodeURIComponent(safePath(next))}`);
}
