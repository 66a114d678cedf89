import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import type { Db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { listTrustedDevices, type TrustedDevice } from '@/lib/accounts/trusted-devices';
import { findUser } from '@/lib/accounts/users';
import { maskPhone } from '@/lib/phone/parse';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { hasOpenSignInCode } from '@/lib/sms/verification/sign-in-code';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { listPasskeys, mostPasskeys, passkeyCreationOptions, type Passkey } from './passkeys';
import { countRecoveryCodes, readWaitingCodes } from './recovery-codes';
import { readTotp, readWaitingTotp } from './totp';

/** What the page on which second factors are set up shows of a person. */
export type FactorsPage = {
  timeZone: string | null;
  passkeys: Passkey[];
  /** For the browser; null: there are as many as there may be. */
  passkeyOptions: PublicKeyCredentialCreationOptionsJSON | null;
  totp: Awaited<ReturnType<typeof readTotp>>;
  /** The key that waits for its first code. */
  waitingTotp: Awaited<ReturnType<typeof readWaitingTotp>>;
  /** Codes by text; null: not for this role. `since` null: they are no second factor; `isUnderWay`: a code is on its way. */
  sms: { since: Date | null; maskedPhone: string | null; isVerified: boolean; isUnderWay: boolean } | null;
  /** How many recovery codes are left; null: there are none. */
  recoveryCodesLeft: number | null;
  /** Those that wait to be typed back. */
  waitingCodes: string[] | null;
  trustedDevices: TrustedDevice[];
};

/** Reads it, side by side. */
export async function readFactorsPage(db: Db, user: SessionUser, now: Date): Promise<FactorsPage> {
  const { userId } = user;
  const [
    preferences,
    passkeys,
    passkeyOptions,
    totp,
    waitingTotp,
    recoveryCodesLeft,
    waitingCodes,
    trustedDevices,
    sms,
  ] = await Promise.all([
    readPreferences(db, userId),
    listPasskeys(db, userId),
    passkeyCreationOptions(db, user, now),
    readTotp(db, userId),
    readWaitingTotp(db, user, now),
    countRecoveryCodes(db, userId),
    readWaitingCodes(db, user, now),
    listTrustedDevices(db, userId, now),
    readSms(db, user, now),
  ]);
  return {
    ...{ passkeys, totp, waitingTotp, recoveryCodesLeft, waitingCodes, trustedDevices, sms },
    timeZone: preferences?.timeZone ?? null,
    passkeyOptions: passkeys.length < mostPasskeys ? passkeyOptions : null,
  };
}

async function readSms(db: Db, user: SessionUser, now: Date): Promise<FactorsPage['sms']> {
  if (user.role === 'admin') return null;
  const [phone, account, isUnderWay] = await Promise.all([
    readPhoneState(db, user),
    findUser(db, user.userId),
    hasOpenSignInCode(db, user.userId, now),
  ]);
  return {
    since: user.factors.sms ? (account?.smsFactorSince ?? null) : null,
    maskedPhone: user.phone === null ? null : maskPhone(user.phone),
    isVerified: phone.state === 'verified',
    isUnderWay,
  };
}
