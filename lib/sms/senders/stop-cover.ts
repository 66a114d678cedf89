import type { ConsentScope, SenderRole } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import { sendersOf } from '@/lib/sms/senders/sender';

/** What a STOP or START is about: which of our senders text the number no more, or again, and which consents end. */
export type StopCover = { senders: readonly SenderRole[]; scopes: readonly ConsentScope[] };

const everything: StopCover = { senders: ['updates', 'codes'], scopes: ['verification', 'updates'] };

/**
 * What a STOP covers. Where one sender sends everything, and where it was said to the sender of codes, to none of ours or in another
 * way (`saidTo` null), or to all (`isForAll`): everything. Said to the sender of updates beside which there is one of codes, that
 * sender alone: carriers and Twilio block the sender that was told. It ends consent to updates; from `stopCoversAllFrom` on consent to
 * codes, too (47 CFR 64.1200(a)(10), waived until 31 January 2027 by DA 26-12), so that each code needs a consent that is
 * given after it.
 */
export function coverOfStop(
  { saidTo, isForAll, at }: { saidTo: SenderRole | null; isForAll: boolean; at: Date },
  settings: Pick<Env, 'twilio' | 'stopCoversAllFrom'>,
): StopCover {
  const isOfUpdatesAlone = saidTo === 'updates' && !isForAll && sendersOf(settings).length > 1;
  if (!isOfUpdatesAlone) return everything;
  const { stopCoversAllFrom } = settings;
  const endsAll = stopCoversAllFrom !== null && at >= stopCoversAllFrom;
  return { senders: ['updates'], scopes: endsAll ? everything.scopes : ['updates'] };
}

/** What a START covers that leaves a number opted out of the senders that `stay`. */
export function coverOfStart(stay: readonly SenderRole[]): StopCover {
  const senders = everything.senders.filter((sender) => !stay.includes(sender));
  return { senders, scopes: scopesOf(senders) };
}

/** Which consents let these senders text. */
export function scopesOf(senders: readonly SenderRole[]): readonly ConsentScope[] {
  return everything.scopes.filter((scope) =>
    senders.includes(scope === 'verification' ? 'codes' : 'updates'),
  );
}
