const decimalDigit = /\p{Nd}/u;

/**
 * Rewrites every Unicode decimal digit (full-width, Arabic-Indic, Devanagari, …) as its ASCII digit; the rest stays.
 *
 * Unicode keeps decimal digits in unbroken runs of ten in ascending order (The Unicode Standard, 4.6), so a digit's value
 * is its distance from the start of its run, modulo ten.
 */
export function toAsciiDigits(text: string): string {
  return text.replace(/[^\P{Nd}0-9]/gu, (digit) => {
    const point = digit.codePointAt(0)!;
    let runStart = point;
    while (decimalDigit.test(String.fromCodePoint(runStart - 1))) runStart -= 1;
    return String((point - runStart) % 10);
  });
}
