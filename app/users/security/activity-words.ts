import { lookUp } from '@/app/_format/look-up';
import type { Tone } from '@/components/ui/Notice';
import type { Activity } from '@/lib/auth/settings/activity';

type Words = { words: string; tone?: Tone; badge?: string };

const wordsOf: Record<Activity['what'], Words> = {
  account_registered: { words: 'Account created' },
  registration_refused: {
    words: 'Someone tried to register with your email',
    tone: 'warning',
    badge: 'Refused',
  },
  account_replaced: { words: 'Account created again' },
  email_proven: { words: 'Email confirmed' },
  password_reset: { words: 'Password reset by a link to your email' },
  email_change_requested: { words: 'New email entered' },
  email_changed: { words: 'Email changed' },
  name_changed: { words: 'Name changed' },
  changes_undone: { words: 'Changes undone by a link to your email', tone: 'warning', badge: 'Not you' },
  account_claimed: { words: 'Account closed: the owner of the email created a new one' },
  account_disowned: { words: 'Account closed: the owner of the email did not make it' },
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
  account_reactivated: { words: 'Account opened again by an admin' },
  account_unlocked: { words: 'Password tries reset by an admin' },
  sessions_ended_by_admin: { words: 'All sessions ended by an admin' },
  invitation_sent: { words: 'Invitation sent' },
  invitation_withdrawn: { words: 'Invitation withdrawn' },
  account_invited: { words: 'Invited by an admin' },
  invitation_accepted: { words: 'Account created from an invitation' },
  opt_out_recorded: { words: 'Opt-out from texts recorded for you' },
  contact_revealed: { words: 'An admin looked at your phone number' },
  number_revealed: { words: 'An admin looked at your phone number' },
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
  confirmed_again: { words: 'Confirmed that it was you' },
  second_factor_refused: {
    words: 'Right password, but a wrong second step',
    tone: 'warning',
    badge: 'Refused',
  },
  recovery_code_used: { words: 'Recovery code used', tone: 'warning', badge: 'Check' },
  recovery_codes_made: { words: 'Recovery codes made' },
  passkey_added: { words: 'Passkey added' },
  passkey_removed: { words: 'Passkey removed' },
  totp_added: { words: 'Authenticator app set up' },
  totp_removed: { words: 'Authenticator app removed' },
  sms_factor_added: { words: 'Codes by text turned on for signing in' },
  sms_factor_removed: { words: 'Codes by text turned off for signing in' },
  factors_reset: { words: 'All second factors removed', tone: 'warning', badge: 'Check' },
  factors_reset_requested: { words: 'An admin asked to remove your second factors' },
  enroll_link_made: { words: 'Link to set up a second factor made' },
  second_factor_grace_set: { words: 'Grace period for second factors set' },
  alarm_acknowledged: { words: 'Alarm acknowledged' },
  carrier_list_marked: { words: 'Numbers out of service marked' },
  carrier_list_dropped: { words: 'List of numbers out of service dropped' },
  pumping_ordered: { words: 'Codes to a number or a range blocked or allowed' },
  pumping_order_ended: { words: 'A closed, blocked or allowed range ended' },
  device_trusted: { words: 'Browser trusted for 30 days' },
  device_trust_ended: { words: 'Trust in a browser ended' },
  trusted_device_replayed: {
    words: 'A copy of a trusted browser was used: trust in it ended',
    tone: 'warning',
    badge: 'Check',
  },
  session_ended: { words: 'Session ended' },
  other_sessions_ended: { words: 'All other sessions ended' },
  sessions_ended_by_operator: { words: 'All sessions ended by the operator' },
  phone_change_requested: { words: 'New phone number entered' },
  phone_change_canceled: { words: 'Change of phone number canceled' },
  phone_changed: { words: 'Phone number changed' },
  phone_removed: { words: 'Phone number removed' },
  sms_preferences_changed: { words: 'Text preferences changed' },
  quiet_hours_changed: { words: 'Quiet hours changed' },
  data_exported: { words: 'Data exported' },
  export_requested: { words: 'Export of everyone’s rows started' },
  export_downloaded: { words: 'Export of everyone’s rows downloaded' },
  export_removed: { words: 'Export of everyone’s rows removed' },
  pack_requested: { words: 'Evidence pack started' },
  pack_downloaded: { words: 'Evidence pack downloaded' },
  pack_removed: { words: 'Evidence pack removed' },
  application_opened: { words: 'Application opened' },
  application_moved: { words: 'Application moved' },
  application_move_undone: { words: 'Move of an application undone' },
  application_assigned: { words: 'Application assigned' },
  bulk_move_made: { words: 'Bulk move prepared' },
  bulk_move_started: { words: 'Bulk move started' },
  bulk_move_resumed: { words: 'Bulk move continued' },
  bulk_move_paused: { words: 'Bulk move paused' },
  bulk_move_stopped: { words: 'Bulk move stopped' },
  bulk_list_downloaded: { words: 'List of what a bulk move could not do downloaded' },
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

/** What happened in another way than mostly. */
const byReason: Readonly<Record<string, Words>> = {
  'password_reset by_text': { words: 'Password reset by a code to your phone' },
  'send_requested recovery': { words: 'Code to reset your password sent to your phone' },
  'wrong_code recovery': { words: 'Wrong code to reset your password', tone: 'warning', badge: 'Check' },
};

/** What happened, for the list of recent activity. */
export function sayActivity({ what, reason }: Activity): Words {
  if (what === 'verified' && reason === 'number_protected') {
    return { words: 'Code was right, number not added', tone: 'warning', badge: 'Protected' };
  }
  const own = reason === null ? null : lookUp(byReason, `${what} ${reason}`);
  if (own) return own;
  const words = lookUp(wordsOf, what) ?? { words: what.replace(/_/g, ' ') };
  return what === 'sign_in_refused' && reason === 'deactivated'
    ? { ...words, badge: 'Account closed' }
    : words;
}
