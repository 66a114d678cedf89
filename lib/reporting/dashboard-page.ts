import type { Db } from '@/db/client';
import type { Role } from '@/db/schema/accounts';
import { listMyApplications, type MyApplication } from '@/lib/applications/my-applications';
import {
  readPhoneAndTexts,
  type PhoneAndTexts,
  type PhoneOwner,
} from '@/lib/sms/preferences/phone-and-texts';
import { listProtectedProofs, type ProtectedProof } from './protected-numbers';

/** The dashboard shows three; what it says of the next step is about as many as this. */
const mostApplications = 20;

/**
 * What the dashboard shows; `proofs` are those that wait for an admin's decision: an admin sees all, others their own.
 * `applications` are their own, newest first, also of those who became one of the operator's people.
 */
export type DashboardPage = Pick<PhoneAndTexts, 'phone' | 'texts'> & {
  timeZone: string | null;
  proofs: readonly ProtectedProof[];
  applications: readonly MyApplication[];
};

/** Reads it in four statements, five for the operator's people, at most two of them one after the other. */
export async function readDashboardPage(
  db: Db,
  user: PhoneOwner & { role: Role },
  now: Date,
): Promise<DashboardPage> {
  const isApplicant = user.role === 'applicant';
  const [{ phone, texts, preferences }, proofs, applications] = await Promise.all([
    readPhoneAndTexts(db, user),
    isApplicant
      ? []
      : listProtectedProofs(db, { holderUserId: user.role === 'admin' ? null : user.userId, now }),
    listMyApplications(db, user.userId, now, { limit: mostApplications }),
  ]);
  return { phone, texts, timeZone: preferences.timeZone, proofs, applications };
}
