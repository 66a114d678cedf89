import { redirect } from 'next/navigation';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPending } from '@/lib/accounts/pending';
import { readEnrollingUser } from '@/lib/auth/sign-in/session';
import { findSignedInProver } from '@/lib/sms/verification/find-prover';
import type { ProverHere } from '@/lib/sms/verification/prover';

/**
 * Whose number this browser is proving: the pending account of its cookie, which a fresh registration or password put
 * there, before whoever is signed in; see `findSignedInProver`.
 */
export async function readProver(): Promise<ProverHere | null> {
  const token = await readPendingCookie();
  const pending = token ? await readPending(db(), token, databaseNow()) : null;
  if (token && pending) {
    const { id: userId, role, phone } = pending;
    return { userId, role, phone, purpose: 'activate', readFrom: { pendingToken: token } };
  }
  // Also who has to set up a second factor first: codes by text may be it.
  const user = await readEnrollingUser();
  return user && findSignedInProver(db(), user, databaseNow());
}

/** Sends a browser without either to the sign-in page. */
export async function requireProver(): Promise<ProverHere> {
  return (await readProver()) ?? redirect('/users/login?next=%2Fusers%2Fverify-phone');
}
