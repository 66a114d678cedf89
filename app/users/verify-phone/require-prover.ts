import { redirect } from 'next/navigation';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPending } from '@/lib/accounts/pending';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readEnrollingUser } from '@/lib/auth/sign-in/session';
import { findSignedInProver } from '@/lib/sms/verification/find-prover';
import type { ProverHere } from '@/lib/sms/verification/prover';

/** A prover with the session that they were read from; null: a pending account's cookie, which is none. */
type ProverOfRequest = ProverHere & { user: SessionUser | null };

/**
 * Whose number this browser is proving: the pending account of its cookie, which a fresh registration or password put
 * there, before whoever is signed in; see `findSignedInProver`.
 */
export async function readProver(): Promise<ProverOfRequest | null> {
  const token = await readPendingCookie();
  const pending = token ? await readPending(db(), token, databaseNow()) : null;
  if (token && pending) {
    const { id: userId, role, phone } = pending;
    return { userId, role, phone, purpose: 'activate', readFrom: { pendingToken: token }, user: null };
  }
  // Also who has to set up a second factor first: codes by text may be it.
  const user = await readEnrollingUser();
  return user && { ...(await findSignedInProver(db(), user, databaseNow())), user };
}

/** Sends a browser without either to the sign-in page, which says why where it had an account to finish. */
export async function requireProver(): Promise<ProverOfRequest> {
  const prover = await readProver();
  if (prover !== null) return prover;
  const why = (await readPendingCookie()) === null ? '' : '&saved=code-over';
  redirect(`/users/login?next=%2Fusers%2Fverify-phone${why}`);
}
