import type { Tx } from '@/db/client';
import { findUser, findNaming, type User } from '@/lib/accounts/users';
import { lockUsers } from '@/lib/accounts/lock-users';
import { hasConsent, resumeConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { readLastChallenge } from '@/lib/sms/verification/challenge';
import { requestCode } from '@/lib/sms/verification/request';
import type { ConsentScope, SenderRole } from '@/db/schema/consent';
import { env } from '@/lib/env';
import { sendersOf } from '@/lib/sms/senders/sender';
import {
  liftSuppression,
  lockNumber,
  stillSuppressed,
  suppressedSenders,
  type NumberRow,
} from '@/lib/sms/numbers/number';
import { coverOfStart } from '@/lib/sms/senders/stop-cover';
import { hasTextedMuch, recordTextedOptOut, type Said } from '@/lib/consent/opt-out-ledger';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { findAskers } from '@/lib/sms/verification/verification-log';

const dayMs = 24 * 3600 * 1000;

/** A STOP that is older stays: by then the number may be someone else's. */
const resumableForMs = 90 * dayMs;

/** Who asked for a code this lately is taken to be waiting for it still. */
const waitingForMs = dayMs;

/**
 * A number's owner allows texts again (START). That lifts the block, but for another of our senders that was told STOP as well
 * (`saidTo`: which one was told START; null: it is not known), and creates no consent: what the STOP withdrew holds
 * again only for the holder whose proof of the number is older than the STOP, and the STOP at most 90 days old; updates
 * besides only where the person has not turned them off meanwhile. Everyone else is asked again by their settings.
 *
 * Who asked for a code within the last day and did not get to enter it is still being asked to prove the number: they may
 * be texted a code again, and it is requested for them here, within the limits of the number.
 *
 * That it was said is recorded whether there was a block or not. `said`: the evidence for it. `saidAt`: it is learned of only
 * now. It counts from then on, and no code is requested, since nobody waits for one any more.
 *
 * Whoever has texted STOP and START `mostByTextADay` times within a day stays with the STOP (`isTooOften`): that START is in the
 * record of texts alone.
 *
 * Out: whether there was a block, and which of our senders the number stays opted out of.
 */
export async function optBackIn(
  tx: Tx,
  phone: string,
  context: RequestContext,
  {
    saidTo = null,
    said = { sender: null, words: null, providerSid: null },
    saidAt = null,
  }: { saidTo?: SenderRole | null; said?: Said; saidAt?: Date | null } = {},
): Promise<{ wasBlocked: boolean; isTooOften: boolean; stay: readonly SenderRole[] }> {
  const { now } = context;
  const number = await lockNumber(tx, phone);
  if (number.suppressedAt !== null && (await hasTextedMuch(tx, phone, saidAt ?? now))) {
    return { wasBlocked: true, isTooOften: true, stay: suppressedSenders(number) };
  }
  const stay = sendersThatStay(number, saidTo);
  const cover = coverOfStart(stay);
  await recordTextedOptOut(tx, { phone, act: 'lifted', ...cover, saidTo, said, saidAt, now });
  if (number.suppressedAt === null) return { wasBlocked: false, isTooOften: false, stay };
  await liftSuppression(tx, phone, stay);
  await resumeForHolder(tx, number, cover.scopes, saidAt ?? now);
  if (saidAt !== null || stay.includes('codes')) return { wasBlocked: true, isTooOften: false, stay };
  const waiting = await findWaiting(tx, number, now);
  await lockUsers(
    tx,
    waiting.map(({ id }) => id),
  );
  // Who they are is certain only under their locks: a START from another number may have come between.
  for (const user of await findWaiting(tx, number, now)) await requestAgain(tx, user, phone, context);
  return { wasBlocked: true, isTooOften: false, stay };
}

/** Which of our senders a number stays opted out of after a START to `saidTo` (null: it is not known to which). */
export function sendersThatStay(number: NumberRow, saidTo: SenderRole | null): SenderRole[] {
  return saidTo === null || sendersOf(env()).length === 1 ? [] : stillSuppressed(number, saidTo);
}

async function resumeForHolder(
  tx: Tx,
  { number: phone, holderUserId, heldSince }: NumberRow,
  covered: readonly ConsentScope[],
  now: Date,
): Promise<void> {
  if (holderUserId === null || heldSince === null) return;
  const preferences = await readPreferences(tx, holderUserId);
  const scopes = covered.filter((scope) => scope === 'verification' || preferences?.enabled);
  const oldest = new Date(now.getTime() - resumableForMs);
  const stoppedSince = heldSince > oldest ? heldSince : oldest;
  await resumeConsent(tx, { userId: holderUserId, phone, scopes, stoppedSince }, now);
}

/** People who asked for a code to this number lately and still have to prove it, the last to ask first. */
async function findWaiting(tx: Tx, number: NumberRow, now: Date): Promise<User[]> {
  const phone = number.number;
  const askers = await findAskers(tx, phone, new Date(now.getTime() - waitingForMs));
  const owners = new Set(await findNaming(tx, phone, askers));
  const waiting: User[] = [];
  for (const userId of askers) {
    if (userId === number.holderUserId) continue;
    const user = await findUser(tx, userId);
    if (user === null || user.deactivatedAt !== null) continue;
    const challenge = await readLastChallenge(tx, userId, now);
    const isProving =
      challenge?.phone === phone && challenge.consumedAt === null && challenge.endedAt === null;
    if (owners.has(userId) || isProving) waiting.push(user);
  }
  return waiting;
}

async function requestAgain(tx: Tx, user: User, phone: string, context: RequestContext): Promise<void> {
  const { id: userId } = user;
  const { now } = context;
  const stoppedSince = new Date(now.getTime() - resumableForMs);
  await resumeConsent(tx, { userId, phone, scopes: ['verification'], stoppedSince }, now);
  if (!(await hasConsent(tx, { userId, phone, scope: 'verification' }))) return;
  const purpose = user.activatedAt === null ? ('activate' as const) : ('prove' as const);
  const request = async (at: Date) =>
    requestCode(
      tx,
      { userId, purpose, number: await lockNumber(tx, phone), network: null },
      { ...context, now: at },
    );
  const requested = await request(now);
  // Nobody should have to press a button for a code that the STOP has kept from going out a moment ago.
  if (!requested.ok && requested.reason === 'too_soon' && requested.retryAt !== null) {
    await request(requested.retryAt);
  }
}
