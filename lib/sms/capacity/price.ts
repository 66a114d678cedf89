import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { Env } from '@/lib/env';
import type { Phone } from '@/lib/phone/parse';

/**
 * What a segment to this number is estimated to cost, in millionths of a dollar: the price of its country
 * (SMS_PRICE_PER_SEGMENT_USD), or the one for all others. A number that several countries could have, such as (555)
 * 123-4567, counts for the first of them that is served, as in `parsePhone`.
 */
export function priceOf(
  env: Pick<Env, 'smsCountries' | 'smsPricePerSegmentMicros' | 'smsCountryPricesMicros'>,
  phone: Phone,
): number {
  const number = parsePhoneNumberFromString(phone);
  const country =
    number?.country ?? env.smsCountries.find((served) => number?.getPossibleCountries().includes(served));
  return (country && env.smsCountryPricesMicros[country]) ?? env.smsPricePerSegmentMicros;
}
