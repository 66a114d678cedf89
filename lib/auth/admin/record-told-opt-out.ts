import type { Db, Tx } from '@/db/client';
import { asksSecondFactor } from '@/lib/accounts/factors';
import { lockUser } from '@/lib/accounts/lock-users';
import { readSession } from '@/lib/accounts/sessions';
import { isStillSignedIn } from '@/lib/accounts/still-signed-in';
import { findUser } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { ToldChannel } from '@/lib/consent/opt-out-ledger';
import type { RequestContext } from '@/lib/context';
import { enqueueNewsMail } from '@/lib/mail/outbox';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { toAsciiDigits } from '@/lib/phone/digits';
import { isAssignable, maskPhone, type Phone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { lockNumber, readNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

/** By which ways an opt-out comes to someone of the operator's people. */
export const toldChannels = ['phone', 'letter', 'other'] as const satisfies readonly ToldChannel[];

export type OptOutRefusal =
  | IdentityRefusal
  | { reason: 'not_a_number' | 'nobodys_number' | 'not_staff' | 'confirm_each' }
  | { reason: 'too_many_opt_outs'; retryAt: Date };

type Recorder = { userId: string; sessionId: string; email: string };

/**
 * Records that the owner of a number wants no more texts, as they said by phone, by letter or otherwise: it stops all texts to the
 * number as a STOP does, and START takes it back. By a broker, a member of staff or an admin, who has shown who they are; what
 * they note of it is kept in the ledger, and in the audit with both of them where the number has a proven holder, who is told by mail.
 *
 * Every number that a person can have is taken, also one that we would not text. Each stops all texts to somebody and is kept for
 * good, so they are counted by recorder (`countTold`). What is in force already since less than a day neither writes nor counts.
 * `isFirst`: the number had not opted out before.
 */
export async function recordToldOptOut(
  db: Db,
  actor: Recorder,
  told: { phone: string; channel: ToldChannel; note: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true; isFirst: boolean } | ({ ok: false } & OptOutRefusal)> {
  const read = readAnyPhone(told.phone);
  if (read === null) return { ok: false, reason: 'not_a_number' };
  const { phone, isServed } = read;
  const known = await confirmIdentity(db, actor, told.currentPassword, context);
  if (!known.ok) return known;
  // Every number that was ever texted, or held by anyone, has a row.
  const isSomebodys = isServed || isAssignable(phone) || (await readNumber(db, phone)) !== null;
  if (!isSomebodys) return { ok: false, reason: 'nobodys_number' };
  const hit = await countTold(db, actor, context.now);
  if (!hit.ok) return hit;
  const { channel, note } = told;
  const answer = await db.transaction(async (tx) => {
    const { holderUserId } = await lockNumber(tx, phone);
    const recorder = await lockUser(tx, actor.userId);
    if (recorder === null || recorder.role === 'applicant' || recorder.deactivatedAt !== null) {
      return { ok: false as const, reason: 'not_staff' as const };
    }
    const { role } = recorder;
    if (!(await isStillSignedIn(tx, { ...actor, role })))
      return { ok: false as const, reason: 'not_open' as const };
    const said = { sender: null, words: note, providerSid: null };
    const { isFirst, isNew } = await optOut(tx, { phone, by: { told: channel }, now: context.now, said });
    if (!isNew) return { ok: true as const, isFirst, isNew };
    await recordAudit(
      tx,
      {
        action: 'opt_out_recorded',
        userId: holderUserId,
        actorId: recorder.id,
        details: { channel, number: maskPhone(phone), reason: note },
      },
      context,
    );
    if (isFirst && holderUserId !== null) await tellHolder(tx, holderUserId, context.now);
    return { ok: true as const, isFirst, isNew };
  });
  if (!answer.ok || !answer.isNew) await hit.refund();
  return answer.ok ? { ok: true, isFirst: answer.isFirst } : answer;
}

/**
 * Counts one opt-out of a recorder. Thirty in an hour go by a second step that was shown within ten minutes. From then on each takes
 * one of its own, or the password where that is asked for every time. So a session that somebody else sits at, or a program, stops
 * few numbers by one step. More than 200 in a day are left to others, and to STOP by text, which always works: an opt-out is to be
 * obeyed whichever way it comes (47 CFR 64.1200(a)(10)), within ten business days.
 */
async function countTold(
  db: Db,
  recorder: Recorder,
  now: Date,
): Promise<{ ok: true; refund: () => Promise<void> } | ({ ok: false } & OptOutRefusal)> {
  const { userId } = recorder;
  const ofDay = { keys: limitKeys('opt_outs_by', [userId]), rules: limits.toldOptOutsPerRecorder };
  const ofHour = { keys: limitKeys('opt_outs_hour', [userId]), rules: limits.toldOptOutsPerHour };
  const day = await takeHits(db, [ofDay], now);
  if (!day.ok) return { ok: false, reason: 'too_many_opt_outs', retryAt: day.retryAt };
  const hour = await takeHits(db, [ofHour], now);
  if (hour.ok) {
    // The step of the last one is spent with it.
    if (hour.left.count === 0) await spendStep(db, recorder, now);
    return { ok: true, refund: () => refundAll([day, hour]) };
  }
  const step = await spendStep(db, recorder, now);
  if (step.ok) return { ok: true, refund: () => refundAll([day, step]) };
  await day.refund();
  return { ok: false, reason: 'confirm_each' };
}

async function refundAll(hits: readonly { refund: () => Promise<void> }[]): Promise<void> {
  for (const { refund } of hits) await refund();
}

/** Takes the second step that a session has shown last, which is good for one; the password is given with each request. */
async function spendStep(
  db: Db,
  { userId, sessionId }: Recorder,
  now: Date,
): Promise<{ ok: true; refund: () => Promise<void> } | { ok: false }> {
  const session = await readSession(db, sessionId, now);
  if (session === null) return { ok: false };
  if (!asksSecondFactor(session.role, session.factors)) return { ok: true, refund: async () => undefined };
  const shownAt = session.secondFactorAt?.toISOString() ?? '';
  const keys = limitKeys('opt_outs_step', [userId, sessionId, shownAt]);
  return takeHits(db, [{ keys, rules: limits.toldOptOutsPerStep }], now);
}

/** Tells the holder of a number that somebody recorded this for them: they may never have asked for it. */
async function tellHolder(tx: Tx, holderUserId: string, now: Date): Promise<void> {
  const holder = await findUser(tx, holderUserId);
  if (holder === null || !isReachedByMail(holder)) return;
  const { id: userId, email } = holder;
  await enqueueNewsMail(tx, { template: 'optOutRecorded', userId, email, params: {}, now });
}

/** A number of any kind and country: as it is served, else only in full, with + and the country's code. */
function readAnyPhone(typed: string): { phone: Phone; isServed: boolean } | null {
  const served = readServedPhone(typed);
  if (served.ok) return { phone: served.value, isServed: true };
  const ascii = toAsciiDigits(typed)
    .replace(/\uff0b/g, '+')
    .trim();
  if (!/^\+[\d\s().-]+$/.test(ascii)) return null;
  const phone = `+${ascii.replace(/\D/g, '')}`;
  return /^\+[1-9]\d{6,14}$/.test(phone) ? { phone, isServed: false } : null;
}
