import type { SenderRole } from '@/db/schema/consent';
import type { MessagePurpose } from '@/db/schema/sms';
import { env, type Env } from '@/lib/env';
import { senderOf, sendersOf } from '@/lib/sms/senders/sender';
import { suppressedSenders, type NumberRow } from './number';

type Settings = Pick<Env, 'twilio'>;
type OptOut = Pick<NumberRow, 'suppressedAt' | 'suppressedSenders'> | null;

/** Which texts a number takes no more. */
export type StoppedTexts = 'all' | 'updates' | 'codes';

/**
 * Whether a number takes no texts of a purpose: it has opted out of the sender that sends them. `number` null: it was never heard of.
 */
export function isOptedOut(number: OptOut, purpose: MessagePurpose, settings: Settings = env()): boolean {
  return suppressedSenders(number).includes(senderOf(settings, purpose));
}

/** Which texts a number has opted out of; null: of none. */
export function findStopped(number: OptOut, settings: Settings = env()): StoppedTexts | null {
  const updates = isOptedOut(number, 'update', settings);
  const codes = isOptedOut(number, 'verification', settings);
  if (updates && codes) return 'all';
  return updates ? 'updates' : codes ? 'codes' : null;
}

/** Whether codes are among what was stopped. */
export function stopsCodes(stopped: StoppedTexts | null): boolean {
  return stopped === 'all' || stopped === 'codes';
}

/** A START that would take back a STOP: which of our senders it has to be texted to, and which texts it allows again. */
export type Start = { to: SenderRole; lifts: StoppedTexts };

/**
 * The STARTs that a number needs until it takes every text again; none: it does already. A STOP to one sender that ended all texts is
 * taken back where it was said; one that was said to none of them, at that of the updates.
 */
export function listStarts(
  number: Pick<NumberRow, 'suppressedAt' | 'suppressedSenders' | 'stopSaidTo'>,
  settings: Settings = env(),
): Start[] {
  const lifts = findStopped(number, settings);
  if (lifts === null) return [];
  if (sendersOf(settings).length === 1) return [{ to: 'updates', lifts }];
  if (lifts !== 'all') return [{ to: lifts, lifts }];
  const said = number.stopSaidTo ?? ['updates'];
  if (said.length < 2) return [{ to: said[0] ?? 'updates', lifts }];
  return [
    { to: 'updates', lifts: 'updates' },
    { to: 'codes', lifts: 'codes' },
  ];
}
