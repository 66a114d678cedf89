import { z } from 'zod';
import { writeEmail } from '@/lib/accounts/email';
import { fewestCharacters, mostCharacters, passwordErrors } from '@/lib/accounts/password-strength';
import { toNfc } from '@/lib/unicode';

/** The fields of the registration form a person can be told about. */
export type RegistrationField =
  'email' | 'name' | 'password' | 'phone' | 'smsOptIn' | 'verifyPhone' | 'tcpaConsent';

/** The form's fields as they are in a browser, which sends `on` for a ticked box. */
export type RegistrationFields = Record<Exclude<RegistrationField, RegistrationBox>, string> &
  Record<RegistrationBox, boolean>;

export type RegistrationBox = 'smsOptIn' | 'verifyPhone' | 'tcpaConsent';

/** What registering needs, read from the form; `timeZone` is what the browser calls its zone: not proven to be one. */
export type RegistrationInput = {
  email: string;
  name: string;
  password: string;
  phone: string | null;
  smsOptIn: boolean;
  verifyPhone: boolean;
  tcpaConsent: boolean;
  timeZone: string | null;
};

// Under a strict CSP the probe for `new Function` would be reported as a violation, so zod must not compile schemas.
z.config({ jitless: true });

const codePoints = (text: string) => [...text].length;

const emailPattern =
  /^[^\s@,;:<>()[\]\\"\p{Cc}\p{Cf}\p{Cs}]{1,64}@[^\s@.,;:<>()[\]\\"\p{Cc}\p{Cf}\p{Cs}]+(\.[^\s@.,;:<>()[\]\\"\p{Cc}\p{Cf}\p{Cs}]+)+$/u;
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
const visible = /[^\p{C}\p{Z}]/u;

const box = z
  .unknown()
  .optional()
  .transform((value) => value === 'on' || value === true);

const wantsTexts = (input: { smsOptIn: boolean; verifyPhone: boolean }) =>
  input.smsOptIn || input.verifyPhone;

/**
 * Reads the plain fields of the registration form (strings; a ticked box is `on` or true), the same on the server and
 * in the browser. Messages are for the person who typed. Whether a password is too common and whether a phone can
 * get texts is decided elsewhere. What concerns several fields is asked even where others are wrong
 * (`when`; nothing may `abort`), so that all errors show at once.
 */
export const registrationSchema = z
  .object({
    email: z
      .string({ error: 'Enter your email address.' })
      .overwrite(writeEmail)
      .min(1, { error: 'Enter your email address.' })
      .max(254, { error: 'This email address is too long: it can have up to 254 characters.' })
      .regex(emailPattern, {
        error: 'This email address is not complete. It should look like name@example.com.',
      }),
    name: z
      .string({ error: 'Enter your name.' })
      .trim()
      .refine((name) => visible.test(name), { error: 'Enter your name.' })
      .refine((name) => codePoints(name) <= 100, {
        error: 'This name is too long: enter up to 100 characters.',
      })
      .refine((name) => !unprintable.test(name), {
        error:
          'This name has a character that cannot be shown. Type it again without line breaks or pasted symbols.',
      }),
    password: z
      .string({ error: 'Choose a password.' })
      .min(1, { error: 'Choose a password.' })
      .refine((password) => codePoints(toNfc(password)) >= fewestCharacters, {
        error: passwordErrors.too_short,
      })
      .refine((password) => codePoints(toNfc(password)) <= mostCharacters, {
        error: passwordErrors.too_long,
      }),
    phone: z
      .string({ error: 'Enter your phone number.' })
      .trim()
      .max(64, { error: 'This phone number is too long. Enter one number only.' })
      .transform((phone) => phone || null)
      .optional()
      .transform((phone) => phone ?? null),
    smsOptIn: box,
    verifyPhone: box,
    tcpaConsent: box,
    timeZone: z
      .unknown()
      .optional()
      // Which names are zones takes the whole of Temporal, so only the server asks (createPreferences).
      .transform((value) => (typeof value === 'string' && value !== '' ? value : null)),
  })
  .refine((input) => !wantsTexts(input) || Boolean(input.phone), {
    path: ['phone'],
    error: (issue) =>
      (issue.input as RegistrationInput).verifyPhone
        ? 'Enter the phone number to verify, or uncheck “Verify my phone”.'
        : 'Enter the phone number for text updates, or uncheck “Send me text updates”.',
    when: () => true,
  })
  .refine((input) => !wantsTexts(input) || input.tcpaConsent, {
    path: ['tcpaConsent'],
    error:
      'We need your agreement to text you. Check “I agree to get texts at this number”, or uncheck the texts.',
    when: () => true,
  });

/**
 * Parses a submitted form. In: its entries. Out: the input, or the first message for each field that is wrong.
 */
export function readRegistration(
  entries: Iterable<[string, unknown]>,
):
  | { ok: true; input: RegistrationInput }
  | { ok: false; reason: 'invalid_input'; fieldErrors: Partial<Record<RegistrationField, string>> } {
  const parsed = registrationSchema.safeParse(Object.fromEntries(entries));
  if (parsed.success) return { ok: true, input: parsed.data };
  const fieldErrors: Partial<Record<RegistrationField, string>> = {};
  for (const issue of parsed.error.issues) {
    fieldErrors[issue.path[0] as RegistrationField] ??= issue.message;
  }
  return { ok: false, reason: 'invalid_input', fieldErrors };
}
