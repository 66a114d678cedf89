import { env } from '@/lib/env';
import { parsePhone, type Phone, type PhoneRefusal } from './parse';
import type { Result } from '@/lib/result';

/**
 * Reads a number as this installation serves it: in SMS_COUNTRIES, and, where texts only go to the console, fictional
 * ones such as (555) 123-4567 too.
 */
export function readServedPhone(raw: string): Result<Phone, { reason: PhoneRefusal }> {
  const { smsBackend, smsCountries } = env();
  const parsed = parsePhone(raw, { countries: smsCountries, fictional: smsBackend === 'console' });
  return parsed.ok ? { ok: true, value: parsed.value.e164 } : parsed;
}
