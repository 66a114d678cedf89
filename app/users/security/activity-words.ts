import { lookUp } from '@/app/_format/look-up';
import type { Tone } from '@/components/ui/Notice';
import type { Activity } from '@/lib/auth/activity';

type Words = { words: string; tone?: Tone; badge?: string };

const wordsOf: Record<Activity['what'], Words> = {
  account_registered: { words: 'Account created' },
  registration_refused: {
    words: 'Someone tried to register with your email',
    tone: 'warning',
    badge: 'Refused',
  },
  account_replaced: { words: 'Account created again' },
  account_expired: { words: 'Registration expired' },
  account_activated: { words: 'Account opened' },
  account_created_by_operator: { words: 'Account created for you' },
  signed_in: { words: 'Signed in' },
  sign_in_refused: { words: 'Sign-in refused', tone: 'warning', badge: 'Wrong password' },
  signed_out: { words: 'Signed out' },
  password_changed: { words: 'Password changed' },
  password_set_by_operator: { words: 'New password set by the operator' },
  role_changed: { words: 'Role changed' },
  account_deactivated: { words: 'Account closed' },
  number_moved: { words: 'Someone else verified your number', tone: 'warning', badge: 'Check' },
  number_protected: {
    words: 'Someone else entered a code for your number, which is still yours',
    tone: 'warning',
    badge: 'Check',
  },
  number_released: { words: 'An admin took the number off your account', tone: 'warning', badge: 'Check' },
  reauthentication_refused: {
    words: 'Wrong password when making a change',
    tone: 'warning',
    badge: 'Refused',
  },
  session_ended: { words: 'Session ended' },
  other_sessions_ended: { words: 'All other sessions ended' },
  sessions_ended_by_operator: { words: 'All sessions ended by the operator' },
  phone_change_requested: { words: 'New phone number entered' },
  phone_change_canceled: { words: 'Change of phone number canceled' },
  phone_changed: { words: 'Phone number changed' },
  phone_removed: { words: 'Phone number removed' },
  sms_preferences_changed: { words: 'SMS preferences changed' },
  quiet_hours_changed: { words: 'Quiet hours changed' },
  data_exported: { words: 'Data exported' },
  account_deleted: { words: 'Account deleted' },
  send_requested: { words: 'Code sent to your phone' },
  send_refused: { words: 'Code requested but not sent', tone: 'neutral', badge: 'Refused' },
  wrong_code: { words: 'Wrong code entered' },
  check_refused: {
    words: 'Code entered too late or too often',
    tone: 'neutral',
    badge: 'Refused',
  },
  verified: { words: 'Phone verified' },
  expired: { words: 'Code expired' },
  replaced: { words: 'Verification started over' },
  skipped: { words: 'Continued without verifying the phone' },
};

/** What happened, for the list of recent activity. */
export function sayActivity({ what, reason }: Activity): Words {
  if (what === 'verified' && reason === 'number_protected') {
    return { words: 'Code was right, number not added', tone: 'warning', badge: 'Protected' };
  }
  const words = lookUp(wordsOf, what) ?? { words: what.replace(/_/g, ' ') };
  return what === 'sign_in_refused' && reason === 'deactivated'
    ? { ...words, badge: 'Account closed' }
    : words;
}
