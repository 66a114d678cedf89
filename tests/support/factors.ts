import { generateSync } from 'otplib';
import type { Db, Tx } from '@/db/client';
import { markShown, readSession, type SessionUser } from '@/lib/accounts/sessions';
import {
  beginRecoveryCodes,
  beginTotp,
  finishRecoveryCodes,
  finishTotp,
} from '@/lib/auth/two-factor/enrollment';
import { readWaitingCodes } from '@/lib/auth/two-factor/recovery-codes';
import { confirmTotp, readWaitingTotp, startTotp } from '@/lib/auth/two-factor/totp';
import { contextAt } from './people';

/** What an authenticator app with this key shows at a moment. */
export function totpAt(key: string, now: Date): string {
  return generateSync({ secret: key, epoch: Math.floor(now.getTime() / 1000) });
}

/** Gives an account an authenticator app. Out: its key. */
export async function setUpTotp(
  tx: Tx,
  owner: { userId: string; email: string },
  now: Date,
): Promise<string> {
  const enrolling = { ...owner, sessionId: 'tests' };
  await startTotp(tx, enrolling, now);
  const { key } = (await readWaitingTotp(tx, enrolling, now))!;
  await confirmTotp(tx, { ...enrolling, code: totpAt(key, now) }, now);
  return key;
}

/** Sets up an authenticator app in a session, as the page does. Out: its key. */
export async function giveTotp(db: Db, person: { sessionId: string }, now: Date): Promise<string> {
  await markShown(db, { sessionId: person.sessionId, factor: 'password' }, now);
  const user = (await readSession(db, person.sessionId, now))!;
  const begun = await beginTotp(db, user, contextAt(now));
  if (!begun.ok) throw new Error(begun.reason);
  const { key } = (await readWaitingTotp(db, user, now))!;
  const finished = await finishTotp(db, user, totpAt(key, now), contextAt(now));
  if (!finished.ok) throw new Error(finished.reason);
  return key;
}

/** Makes recovery codes in a session that is fresh, and types one back. Out: all ten. */
export async function giveRecoveryCodes(db: Db, user: SessionUser, now: Date): Promise<string[]> {
  const begun = await beginRecoveryCodes(db, user, contextAt(now));
  if (!begun.ok) throw new Error(begun.reason);
  const codes = (await readWaitingCodes(db, user, now))!;
  const finished = await finishRecoveryCodes(db, user, codes[3]!, contextAt(now));
  if (!finished.ok) throw new Error(finished.reason);
  return codes;
}
