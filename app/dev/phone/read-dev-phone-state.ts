import type { DevPhoneState } from '@/components/sms/DevPhone';
import { db } from '@/db/client';
import { readHandsets, readThread } from '@/lib/sms/inbound/dev-phone';
import { formatPhone } from '@/lib/phone/parse';

/** A number out of the address, which has no plus sign there; null: none, or not a number. */
export function readNumberParam(param: string | string[] | null | undefined): string | null {
  return typeof param === 'string' && /^[1-9]\d{4,14}$/.test(param) ? `+${param}` : null;
}

/** Where a number's handset is found. */
export function handsetPath(phone: string): string {
  return `/dev/phone?number=${phone.replace(/^\+/, '')}`;
}

/** What the phone shows: the numbers texted lately, and one number's texts; without `phone`, those of the latest. */
export async function readDevPhoneState(phone: string | null, now: Date): Promise<DevPhoneState> {
  // The texts of a deleted account are kept without their number.
  const handsets = (await readHandsets(db())).filter((handset) => handset.phone !== '');
  const shown = phone ?? handsets[0]?.phone ?? null;
  const thread = shown === null ? null : await readThread(db(), shown, now);
  return {
    handsets: handsets.map((handset) => ({
      phone: handset.phone,
      label: formatPhone(handset.phone),
      href: handsetPath(handset.phone),
      lastAt: handset.lastAt.toISOString(),
    })),
    thread: thread && {
      ...thread,
      label: formatPhone(thread.phone),
      texts: thread.texts.map((text) => ({ ...text, at: text.at.toISOString() })),
    },
  };
}
