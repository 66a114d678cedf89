import type { Db } from '@/db/client';
import type { Role } from '@/db/schema/accounts';
import {
  readPhoneAndTexts,
  type PhoneAndTexts,
  type PhoneOwner,
} from '@/lib/sms/preferences/phone-and-texts';
import { listProtectedProofs, type ProtectedProof } from './protected-numbers';

/** What the dashboard shows; `proofs` are those that wait for an admin's decision: an admin sees all, others their own. */
export type DashboardPage = Pick<PhoneAndTexts, 'phone' | 'texts'> & { proofs: readonly ProtectedProof[] };

/** Reads it: three statements for an applicant, four for others, at most two of them one after the other. */
export async function readDashboardPage(
  db: Db,
  user: PhoneOwner & { role: Role },
  now: Date,
): Promise<DashboardPage> {
  const [{ phone, texts }, proofs] = await Promise.all([
    readPhoneAndTexts(db, user),
    user.role === 'applicant'
      ? []
      : listProtectedProofs(db, { holderUserId: user.role === 'admin' ? null : user.userId, now }),
  ]);
  return { phone, texts, proofs };
}
