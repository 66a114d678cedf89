import type { Tone } from '@/components/Notice';
import type { Activity } from '@/lib/auth/activity';

type Words = { words: string; tone?: Tone; badge?: string };

const wordsOf: Record<Activity['what'], Words> = {
  account_registered: { words: 'Account registered' },
  registration_refused: {
    words: 'Somebody tried to register with your e-mail',
    tone: 'warning',
    badge: 'Refused',
  },
  account_replaced: { words: 'Account registered anew' },
  account_activated: { words: 'Account opened' },
  account_created_by_operator: { words: 'Account created for you' },
  signed_in: { words: 'Signed in' },
  sign_in_refused: { words: 'Sign-in refused', tone: 'warning', badge: 'Wrong password' },
  signed_out: { words: 'Signed out' },
  password_changed: { words: 'Password changed' },
  password_set_by_operator: { words: 'New password set by the operator' },
  role_changed: { words: 'Role changed' },
  account_deactivated: { words: 'Account closed' },
  number_moved: { words: 'Somebody else proved that they have your number', tone: 'warning', badge: 'Look' },
  number_protected: {
    words: 'Somebody else entered a code for your number; it stays yours',
    tone: 'warning',
    badge: 'Look',
  },
  number_released: { words: 'An admin took the number off your account', tone: 'warning', badge: 'Look' },
  reauthentication_refused: {
    words: 'Wrong password where it is asked for again',
    tone: 'warning',
    badge: 'Refused',
  },
  session_ended: { words: 'A session was ended' },
  other_sessions_ended: { words: 'All other sessions were ended' },
  phone_change_requested: { words: 'Another phone number was entered' },
  phone_change_canceled: { words: 'The phone number was kept' },
  phone_changed: { words: 'Phone number changed' },
  phone_removed: { words: 'Phone number removed' },
  sms_preferences_changed: { words: 'Texts switched' },
  quiet_hours_changed: { words: 'Quiet hours changed' },
  data_exported: { words: 'Data exported' },
  account_deleted: { words: 'Account deleted' },
  send_requested: { words: 'Code sent to your phone' },
  send_refused: { words: 'Code asked for, not sent', tone: 'neutral', badge: 'Refused' },
  wrong_code: { words: 'Wrong code entered', tone: 'warning', badge: 'Wrong' },
  check_refused: {
    words: 'Code entered that could not be right any more',
    tone: 'neutral',
    badge: 'Refused',
  },
  verified: { words: 'Phone verified', tone: 'success', badge: 'Verified' },
  expired: { words: 'Code expired' },
  replaced: { words: 'Verification begun anew' },
  skipped: { words: 'Went on without verifying the phone' },
};

/** What happened, for the list of recent activity. */
export function sayActivity({ what, reason }: Activity): Words {
  const words = wordsOf[what] ?? { words: what.replace(/_/g, ' ') };
  return what === 'sign_in_refused' && reason === 'deactivated'
    ? { ...words, badge: 'Account closed' }
    : words;
}
