import type { Tx } from '@/db/client';
import { endTrustedDevices } from '@/lib/accounts/trusted-devices';
import { setSmsFactor, type User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';
import type { RequestContext } from '@/lib/context';
import { tellOwner } from '@/lib/mail/tell-owner';
import { noticeSecurity } from '@/lib/sms/preferences/security-notice';
import { removePasskeys } from './passkeys';
import { removeRecoveryCodes } from './recovery-codes';
import { removeTotp } from './totp';
import { forgetTries } from './tries';

/** Takes every second factor off an account, with its recovery codes, the trust in browsers and its wrong codes. */
export async function removeFactors(tx: Tx, userId: string): Promise<void> {
  await removePasskeys(tx, userId, null);
  await removeTotp(tx, userId);
  await setSmsFactor(tx, userId, null);
  await removeRecoveryCodes(tx, userId);
  await endTrustedDevices(tx, userId);
  await forgetTries(tx, userId);
}

/**
 * Takes off a locked account the factors that were added by the change `since` or a later one, and what replaced an earlier one: an app or codes
 * that came in its place leave nothing behind.
 */
export async function removeFactorsSince(tx: Tx, user: User, since: number): Promise<void> {
  const { id: userId, smsFactorChange } = user;
  await removePasskeys(tx, userId, since);
  await removeTotp(tx, userId, since);
  if (smsFactorChange !== null && smsFactorChange >= since) await setSmsFactor(tx, userId, null);
  await removeRecoveryCodes(tx, userId, since);
  await endTrustedDevices(tx, userId);
}

/**
 * Takes all factors off an account whose owner lost them: everyone is signed out, the audit says by whom, and the owner is told
 * by mail and by text. In: the account as it is locked.
 */
export async function resetFactors(
  tx: Tx,
  user: User,
  author: Pick<Parameters<typeof recordAudit>[1], 'actorId' | 'details'>,
  context: RequestContext,
): Promise<void> {
  await removeFactors(tx, user.id);
  await endAllAccess(tx, user.id);
  await recordAudit(tx, { action: 'factors_reset', userId: user.id, ...author }, context);
  await tellOwner(tx, { template: 'factorsReset', before: user }, context);
  await noticeSecurity(tx, user, 'your second factors were removed', context.now);
}
