import { hideDigits } from '@/lib/log';

/** Seven digits or more, with nothing but what people write between the digits of a number. */
const anyNumber = /[+\uFF0B(]*\p{Nd}(?:[\s().\/\-\u2010-\u2015]{0,3}\p{Nd}){6,}/gu;

/** Hides what could be a phone number, however it is written, or a code, in words that a person wrote. */
export function hideNumbers(words: string): string {
  return hideDigits(words.replace(anyNumber, '[number]'));
}
