import type { Db } from '@/db/client';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { ToldChannel } from '@/lib/consent/opt-out-ledger';
import type { RequestContext } from '@/lib/context';
import { toAsciiDigits } from '@/lib/phone/digits';
import { maskPhone, type Phone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { lockNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

/** By which ways an opt-out comes to someone of the operator's people. */
export const toldChannels = ['phone', 'letter', 'other'] as const satisfies readonly ToldChannel[];

export type OptOutRefusal = IdentityRefusal | { reason: 'not_a_number' | 'not_staff' };

/**
 * Records that the owner of a number wants no more texts, as they said by phone, by letter or otherwise: it stops all texts to the
 * number as a STOP does, and START takes it back. By a broker, a member of staff or an admin, who has shown who they are; what
 * they note of it is kept in the ledger, and in the audit with both of them where the number has a proven holder.
 *
 * Any number can be named, also one that we would not text. `isFirst`: it had not opted out before.
 */
export async function recordToldOptOut(
  db: Db,
  actor: { userId: string; sessionId: string; email: string },
  told: { phone: string; channel: ToldChannel; note: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true; isFirst: boolean } | ({ ok: false } & OptOutRefusal)> {
  const phone = readAnyPhone(told.phone);
  if (phone === null) return { ok: false, reason: 'not_a_number' };
  const known = await confirmIdentity(db, actor, told.currentPassword, context);
  if (!known.ok) return known;
  const { channel, note } = told;
  return db.transaction(async (tx) => {
    const { holderUserId } = await lockNumber(tx, phone);
    const recorder = await lockUser(tx, actor.userId);
    if (recorder === null || recorder.role === 'applicant' || recorder.deactivatedAt !== null) {
      return { ok: false as const, reason: 'not_staff' as const };
    }
    const said = { sender: null, words: note, providerSid: null };
    const { isFirst } = await optOut(tx, { phone, by: { told: channel }, now: context.now, said });
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
    return { ok: true as const, isFirst };
  });
}

/** A number of any kind and country: as it is served, else only in full, with + and the country's code. */
function readAnyPhone(typed: string): Phone | null {
  const served = readServedPhone(typed);
  if (served.ok) return served.value;
  const ascii = toAsciiDigits(typed)
    .replace(/\uff0b/g, '+')
    .trim();
  if (!/^\+[\d\s().-]+$/.test(ascii)) return null;
  const phone = `+${ascii.replace(/\D/g, '')}`;
  return /^\+[1-9]\d{6,14}$/.test(phone) ? phone : null;
}
