import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import type { Db } from '@/db/client';
import { readFactors, type HeldFactors } from '@/lib/accounts/factors';
import { maskPhone } from '@/lib/phone/parse';
import { readPending } from '@/lib/accounts/pending';
import type { SessionUser } from '@/lib/accounts/sessions';
import { mayTrustDevices } from '@/lib/accounts/trusted-devices';
import { passkeyRequestOptions } from './passkeys';
import { countRecoveryCodes } from './recovery-codes';

/** What a page that asks for a second factor offers. */
export type FactorChoice = {
  factors: HeldFactors;
  hasRecoveryCodes: boolean;
  /** Where a code by text goes, masked; null: none does. */
  maskedPhone: string | null;
  /** For the browser; null: the person has no passkey. */
  passkeyOptions: PublicKeyCredentialRequestOptionsJSON | null;
};

/** What the second step of signing in shows; null: no first step was done in this browser, or too long ago. */
export async function readSecondFactorPage(
  db: Db,
  token: string | null,
  now: Date,
): Promise<(FactorChoice & { mayTrust: boolean }) | null> {
  const user = token === null ? null : await readPending(db, token, now, 'second_factor');
  if (user === null) return null;
  const factors = await readFactors(db, user.id);
  const choice = await readChoice(db, { userId: user.id, phone: user.phone, factors }, now);
  return { ...choice, mayTrust: mayTrustDevices(user.role) };
}

/** What someone signed in may show again who they are by. */
export async function readConfirmPage(db: Db, user: SessionUser, now: Date): Promise<FactorChoice> {
  return readChoice(db, user, now);
}

async function readChoice(
  db: Db,
  { userId, phone, factors }: Pick<SessionUser, 'userId' | 'phone' | 'factors'>,
  now: Date,
): Promise<FactorChoice> {
  const left = await countRecoveryCodes(db, userId);
  return {
    factors,
    hasRecoveryCodes: left !== null && left > 0,
    maskedPhone: factors.sms && phone !== null ? maskPhone(phone) : null,
    passkeyOptions: factors.passkey ? await passkeyRequestOptions(userId, now) : null,
  };
}
