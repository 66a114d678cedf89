import { zodResolver } from '@hookform/resolvers/zod';
import type { FieldErrors, Resolver } from 'react-hook-form';
import { registrationSchema, type RegistrationFields } from '@/lib/auth/registration/register-input';
import { hasServedCode, looksLikePhone, type ServedNumbers } from '@/lib/phone/format';
import { judgePassword } from '@/components/inputs/password-verdict';

// Only its errors are used, so what the schema makes of valid fields does not matter here.
const resolveSchema = zodResolver(registrationSchema) as unknown as Resolver<
  RegistrationFields,
  RegistrationContext
>;

/** What the validator has to know besides the fields. */
export type RegistrationContext = { siteName: string; served: ServedNumbers };

/**
 * Validates the registration form in the browser: the server's schema, then a word on passwords that are too easy to
 * guess, and on phone numbers that cannot be one or are not served. Load it on first focus.
 */
export const validateRegistration: Resolver<RegistrationFields, RegistrationContext> = async (
  fields,
  context,
  options,
) => {
  const result = await resolveSchema(fields, context, options);
  const errors: FieldErrors<RegistrationFields> = { ...result.errors };
  const { email, name, password, phone } = fields;
  const siteName = context?.siteName ?? '';
  if (password && !errors.password) {
    const verdict = judgePassword(password, { siteName, email, name });
    if (verdict.error) errors.password = { type: 'strength', message: verdict.error };
  }
  if (phone?.trim() && !errors.phone) {
    if (!looksLikePhone(phone)) {
      errors.phone = {
        type: 'phone',
        message:
          'This does not look like a phone number. Enter it with its area code, such as (555) 123-4567.',
      };
    } else if (context && !hasServedCode(phone, context.served)) {
      errors.phone = { type: 'served', message: context.served.refusal };
    }
  }
  return Object.keys(errors).length > 0 ? { values: {}, errors } : { values: fields, errors: {} };
};
