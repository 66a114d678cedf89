import { asksSecondFactor } from '@/lib/accounts/factors';
import type { SessionUser } from '@/lib/accounts/sessions';
import { required, text } from './read-form';

/** Whether a form asks a person for their password: where their account asks for a second factor, that is asked for instead. */
export function asksPassword({ role, factors }: Pick<SessionUser, 'role' | 'factors'>): boolean {
  return !asksSecondFactor(role, factors);
}

/** The field of the password that is there now, as far as a person is asked for it. */
export function currentPasswordOf(user: Pick<SessionUser, 'role' | 'factors'>) {
  return asksPassword(user) ? required('Enter your password.') : text;
}
