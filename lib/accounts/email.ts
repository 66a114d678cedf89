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
  // A mail server is asked for letters beyond ASCII as they are written here, and only small ones are anyone's.
  return toNfc(/[^\0-\x7f]/.test(usual) ? usual.toLowerCase() : usual);
}

/**
 * The one form by which an email address is told apart: without regard to case, to how its letters are composed, and to whether
 * an internationalized domain is written in its letters or in ASCII (xn--), as some browsers send it. Whatever finds, locks,
 * limits or keeps unique goes by it, so that no spelling is another person in one place and the same in another.
 */
export function emailKey(email: string): string {
  const key = keyAsWritten(email);
  if (key.length > mostNormalized) return key;
  const at = key.lastIndexOf('@') + 1;
  return key.slice(0, at) + key.slice(at).split('.').map(toAsciiLabel).join('.');
}

/** The key that says nothing of the two spellings of a domain. Two accounts of before they were one may still go by it. */
export function keyAsWritten(email: string): string {
  return toNfc(writeEmail(email).toLowerCase());
}

/**
 * Where looking up would change more of a label than how it is encoded, the label stays what it is: mail goes to what is
 * written, and must not go elsewhere than to who has the key.
 */
function toAsciiLabel(label: string): string {
  const isPlain = /^[a-z0-9_-]*$/.test(label);
  if (
    isPlain ||
    /[^a-z0-9_\u0080-\u{10ffff}-]|\p{DI}|[\u0345\u1c80-\u1c88]/u.test(label) ||
    toNfkc(label) !== label
  )
    return label;
  const url = `http://${label}.example`;
  if (!URL.canParse(url)) return label;
  const [ascii = ''] = new URL(url).hostname.split('.');
  return ascii.startsWith('xn--') ? ascii : label;
}
