import { redirect } from 'next/navigation';
import { readPendingCookie } from '@/app/_cookies/pending';
import { db } from '@/db/client';
import { readPending } from '@/lib/accounts/pending';
import { readUser } from '@/lib/auth/session';
import { readPhoneChange } from '@/lib/sms/verification/change-phone';
import type { Prover } from '@/lib/sms/verification/prover';

/**
 * Whose number this browser is proving: the pending account of its cookie, which a fresh registration or password put
 * there, before whoever is signed in; of theirs, the one that waits to take the place of another before that one.
 */
export async function readProver(): Promise<Prover | null> {
  const token = await readPendingCookie();
  const pending = token ? await readPending(db(), token, new Date()) : null;
  if (pending) return { userId: pending.id, role: pending.role, phone: pending.phone, purpose: 'activate' };
  const user = await readUser();
  if (!user) return null;
  const change = await readPhoneChange(db(), user, new Date());
  const prover = { userId: user.userId, role: user.role, purpose: 'prove' as const };
  return change === null
    ? { ...prover, phone: user.phone }
    : { ...prover, phone: change.phone, changesFrom: user.phone };
}

/** Leads nobody in particular to the sign-in page. */
export async function requireProver(): Promise<Prover> {
  return (await readProver()) ?? redirect('/users/login?next=%2Fusers%2Fverify-phone');
}
