import { lookUp } from '@/app/_format/look-up';
import type { Tone } from '@/components/ui/Notice';
import type { ListedPerson, PersonStateFilter } from '@/lib/reporting/people';
import type { SeenAuditEntry } from '@/lib/reporting/person';

/** The roles as they are chosen and said. */
export const roles = [
  { value: 'applicant', label: 'Applicant' },
  { value: 'broker', label: 'Broker' },
  { value: 'staff', label: 'Staff' },
  { value: 'admin', label: 'Admin' },
] as const satisfies readonly { value: ListedPerson['role']; label: string }[];

/** What the list can be narrowed down to. */
export const states: Record<PersonStateFilter, string> = {
  active: 'Active',
  pending: 'Pending',
  deactivated: 'Deactivated',
  unproven: 'Email not confirmed',
  no_factor: 'No second factor yet',
};

/** A role of a row, in words. */
export function sayRole(role: string | null): string {
  return roles.find(({ value }) => value === role)?.label ?? role ?? '–';
}

const stateWords: Record<ListedPerson['state'], { words: string; tone: Tone }> = {
  active: { words: 'Active', tone: 'success' },
  pending: { words: 'Pending', tone: 'neutral' },
  deactivated: { words: 'Deactivated', tone: 'danger' },
};

export function sayState(state: ListedPerson['state']): { words: string; tone: Tone } {
  return stateWords[state];
}

/** What is clearer than the name of the action itself. */
const actionWords: Record<string, string> = {
  sign_in_refused: 'Sign-in refused',
  account_replaced: 'Registered again',
  account_created_by_operator: 'Account created by the operator',
  account_invited: 'Invited',
  account_claimed: 'Closed: the owner of the email opened an account of their own',
  account_disowned: 'Closed: the owner of the email did not make this account',
  email_proven: 'Email confirmed',
  sms_preferences_changed: 'Preferences for texts changed',
  reauthentication_refused: 'Wrong password when making a change',
  sessions_ended_by_operator: 'All sessions ended by the operator',
  sessions_ended_by_admin: 'All sessions ended',
  account_unlocked: 'Tries reset',
  totp_added: 'Authenticator app set up',
  totp_removed: 'Authenticator app removed',
  sms_factor_added: 'Codes by text turned on',
  sms_factor_removed: 'Codes by text turned off',
  factors_reset: 'All second factors removed',
  factors_reset_requested: 'Removal of second factors asked for: the person has to confirm it',
  enroll_link_made: 'Link to set up a second factor made',
  number_protected: 'Someone else entered a code for the number',
  number_moved: 'Someone else verified the number',
  opt_out_recorded: 'Opt-out from texts recorded',
  contact_revealed: 'Phone number shown to an admin',
  number_revealed: 'Phone number shown to an admin',
};

/** What happened to an account; an action that we do not know is said by its name. */
export function sayAuditAction({ action, from, to }: Pick<SeenAuditEntry, 'action' | 'from' | 'to'>): string {
  const words = lookUp(actionWords, action) ?? sayName(action);
  return from !== null && to !== null ? `${words}: ${sayRole(from)} to ${sayRole(to)}` : words;
}

/** Reasons that the product gives by name; whoever gives one writes it out. */
const reasonWords: Record<string, string> = {
  wrong_credentials: 'wrong password',
  deactivated: 'the account is deactivated',
};

/** Why something was done or refused. */
export function sayAuditReason(reason: string): string {
  return lookUp(reasonWords, reason) ?? reason;
}

/** A name in `snake_case`, for reading. */
function sayName(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
