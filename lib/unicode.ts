/**
 * What is longer is nobody's email, name or password. Putting marks into their order takes time that grows with the square of how many
 * there are: a quarter of a second for what one form may carry.
 */
export const mostNormalized = 1_000;

/** A text in Unicode NFC; one that is too long for anything is left as it is, and refused for its length. */
export function toNfc(text: string): string {
  return text.length > mostNormalized ? text : text.normalize('NFC');
}

/** The same in NFKC, in which letters of another width are those of the usual one. */
export function toNfkc(text: string): string {
  return text.length > mostNormalized ? text : text.normalize('NFKC');
}
