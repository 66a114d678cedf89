import { mostNormalized, toNfc, toNfkc } from '@/lib/unicode';

/**
 * An email as it is stored and mailed: in Unicode NFC, as mail asks for (RFC 6532, 3.1), its domain as it is looked up (RFC 5895:
 * letters of another width, and other signs for the dot). So letters that only look like others, such as the Kelvin sign for a K,
 * are no way to a mailbox that nobody has, under a key that is someone's.
 */
export function writeEmail(email: string): string {
  const trimmed = email.trim();
  if (trimmed.length > mostNormalized) return trimmed;
  const at = trimmed.lastIndexOf('@');
  const [local, domain] = [trimmed.slice(0, at + 1), trimmed.slice(at + 1)];
  return toNfc(local) + writeDomain(domain);
}

/** Only letters and digits are put into their usual width: of other signs some would become an @ or a comma. */
function writeDomain(domain: string): string {
  const usual = domain
    .replace(/[\p{L}\p{Nd}]/gu, (sign) => {
      const letter = toNfkc(sign);
      return /^[\p{L}\p{M}\p{Nd}]+$/u.test(letter) ? letter : sign;
    })
    .replace(/[\u3002\uff0e\uff61]/g, '.');
  return toNfc(usual);
}

/**
 * The one form by which an email address is told apart: without regard to case, and to how its letters are composed.
 * Whatever finds, locks, limits or keeps unique goes by it, so that no spelling is another person in one place and the same
 * in another.
 */
export function emailKey(email: string): string {
  return toNfc(writeEmail(email).toLowerCase());
}
