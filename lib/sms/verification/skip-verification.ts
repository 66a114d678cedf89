import type { Db } from '@/db/client';
import { activateAccount } from '@/lib/accounts/login-grants';
import { recordAudit } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';
import { lockNumber } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { endChallenge } from './challenge';
import { logVerification } from './verification-log';
import { type Prover } from './prover';
import { readVerificationState } from './state';
import { lockProver } from './prover';

/**
 * Opens a pending account with its phone unverified, when the code page offers it. Never for an account that must hold a
 * second factor. The challenge and its waiting texts end.
 */
export async function skipVerification(
  db: Db,
  prover: Prover & { phone: string },
  context: RequestContext,
): Promise<
  | { ok: true; grant: string }
  | { ok: false; reason: 'not_yet'; retryAt: Date }
  | { ok: false; reason: 'not_allowed' | 'changed_meanwhile' }
> {
  const { now } = context;
  const { userId, phone } = prover;
  if (prover.role !== 'applicant') return { ok: false, reason: 'not_allowed' };
  return db.transaction(async (tx) => {
    await lockNumber(tx, phone);
    if ((await lockProver(tx, prover)) === null)
      return { ok: false as const, reason: 'changed_meanwhile' as const };
    const state = await readVerificationState(
      tx,
      { userId, phone, network: networkOf(context.address) },
      now,
    );
    if (state.skipAt > now) {
      return { ok: false as const, reason: 'not_yet' as const, retryAt: state.skipAt };
    }
    const activated = await activateAccount(tx, { userId, applicantsOnly: true, now });
    if (!activated) return { ok: false as const, reason: 'not_allowed' as const };
    await endChallenge(tx, userId, 'skipped', now);
    await cancelTexts(tx, { userId, phone }, 'skipped', now);
    await logVerification(
      tx,
      'skipped',
      { userId, phone, challengeId: state.challenge?.id, reason: state.text.reason ?? state.text.status },
      context,
    );
    await recordAudit(tx, { action: 'account_activated', userId, details: { verified: false } }, context);
    return { ok: true as const, grant: activated.grant };
  });
}
