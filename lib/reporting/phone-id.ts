import { seal, unseal } from '@/lib/seal';

const label = 'phone-page';

/**
 * The name of a number in the address of its page: sealed under AUTH_SECRET, so that whoever reads the address, a log of it or a
 * history learns nothing of the number. The same number always has the same name, also one that no row has.
 */
export function sealPhoneId(phone: string): string {
  return seal(label, phone);
}

/** The number behind such a name; null for anything that `sealPhoneId` did not write, under any of the secrets. */
export function openPhoneId(id: string): string | null {
  return unseal(label, id);
}
