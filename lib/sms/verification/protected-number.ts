import { eq } from 'drizzle-orm';
import { smsVerificationLog } from '@/db/schema/sms';
import { isOpenAdmin, lockUsers } from '@/lib/accounts/lock-users';
import { refuseStill } from '@/lib/accounts/refuse-still';
import { findUser, mustHoldSecondFactor, setPhone } from '@/lib/accounts/users';
import { activateAccount } from '@/lib/accounts/login-grants';
import { recordAudit } from '@/lib/audit';
import { withdrawConsent } from '@/lib/consent/ledger';
import type { Db, Tx } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { displaceHolder } from './activation';
import type { Challenge } from './challenge';
import { lockNumber, releaseNumber } from '@/lib/sms/numbers/number';

/**
 * What follows from a right code for a number that is someone's second factor: it never moves by proof. The prover's
 * account opens without a phone; holder and admins are told, and only they release it.
 */
export async function applyProtectedProof(
  tx: Tx,
  { challenge, holderUserId }: { challenge: Challenge; holderUserId: string },
  context: RequestContext,
): Promise<{ grant: string | null }> {
  const { userId, phone } = challenge;
  await recordAudit(tx, { action: 'number_protected', userId: holderUserId, actorId: null }, context);
  if (challenge.purpose === 'prove') return { grant: null };
  await withdrawConsent(
    tx,
    { userId, phone, scopes: ['verification', 'updates'], medium: 'number_protected' },
    context.now,
  );
  await setPhone(tx, userId, null);
  return { grant: (await activateAccount(tx, { userId, now: context.now }))?.grant ?? null };
}

/**
 * Takes a protected number off its holder, after someone else proved that they have it: the holder's verification,
 * consent, waiting texts and challenges end, and they see why. Nobody has the number then; who proved it verifies it again.
 *
 * In: the line of the verification log that tells of the proof (`proofId`), and the admin who decides. Refuses with
 * `settled` when the number left its holder meanwhile, or needs no release, with `not_admin` when the admin is none any more, and
 * with `not_open` when their session was ended.
 */
export async function releaseProtectedNumber(
  db: Db,
  { proofId, admin }: { proofId: number; admin: { userId: string; sessionId: string } },
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: 'settled' | 'not_admin' | 'not_open' }> {
  return db.transaction(async (tx) => {
    const [proof] = await tx.select().from(smsVerificationLog).where(eq(smsVerificationLog.id, proofId));
    if (!proof || proof.reason !== 'number_protected' || proof.phone === null) return settled;
    const number = await lockNumber(tx, proof.phone);
    const holder = number.holderUserId;
    if (holder === null || holder === proof.userId) return settled;
    if (number.heldSince === null || number.heldSince > proof.at) return settled;
    await lockUsers(tx, [holder, admin.userId]);
    const account = await findUser(tx, admin.userId);
    if (account === null || !isOpenAdmin(account))
      return { ok: false as const, reason: 'not_admin' as const };
    const ended = await refuseStill(tx, admin, { recoveredAt: null }, context.now);
    if (ended !== null) return { ok: false as const, reason: 'not_open' as const };
    if (!(await mustHoldSecondFactor(tx, holder))) return settled;
    const taken = {
      userId: holder,
      phone: number.number,
      action: 'number_released',
      actorId: admin.userId,
    } as const;
    await releaseNumber(tx, number.number, holder);
    await displaceHolder(tx, taken, context);
    return { ok: true as const };
  });
}

const settled = { ok: false, reason: 'settled' } as const;
