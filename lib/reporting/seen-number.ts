import { maskPhone } from '@/lib/phone/parse';
import { hideNumbers } from '@/lib/phone/hide-numbers';
import type { OptOutEntry } from '@/lib/consent/opt-out-ledger';
import { sealPhoneId } from './phone-id';

/** A number as admins see it: masked, with what its page goes by. */
export type SeenNumber = { maskedPhone: string; phoneId: string };

/** An entry of a ledger as admins see it. */
export type OfNumber<Entry extends { phone: string }> = Omit<Entry, 'phone'> & SeenNumber;

/** Masks a number (E.164). */
export function seeNumber(phone: string): SeenNumber {
  return { maskedPhone: maskPhone(phone), phoneId: sealPhoneId(phone) };
}

/** Masks the number of an entry. */
export function maskEntry<Entry extends { phone: string }>({ phone, ...entry }: Entry): OfNumber<Entry> {
  return { ...entry, ...seeNumber(phone) };
}

/** An opt-out, or its lifting, as admins see it on the page of its number. */
export type SeenOptOut = Omit<OptOutEntry, 'phone'>;

/** Leaves out the number, and hides whatever could be a number or a code in what was written. */
export function seeOptOut(optOut: OptOutEntry): SeenOptOut {
  const { id, at, recordedAt, act, channel, covers, senders, saidTo, sender, providerSid } = optOut;
  const words = optOut.words === null ? null : hideNumbers(optOut.words);
  return { id, at, recordedAt, act, channel, covers, senders, saidTo, sender, words, providerSid };
}
