import type { ConsentMedium, OptOutChannel } from '@/db/schema/consent';
import type { MessagePurpose, MessageStatus } from '@/db/schema/sms';
import type { GateName } from '@/lib/sms/dispatch/explain-text';
import type { PackSection, SaidGate } from './pack-rows';

/** Writes a moment as the page of a pack has them: `Tue, Nov 24, 2026, 8:05:10 PM EST`. */
export function sayExactly(at: Date | string, timeZone: string): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return 'an unknown time';
  const written = new Intl.DateTimeFormat('en-US', {
    timeZone,
    ...{ weekday: 'short', year: 'numeric', month: 'short', day: 'numeric' },
    ...{ hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  }).format(moment);
  return written.replace(/[\u202f\u00a0]/g, ' ');
}

export const sectionWords: Record<PackSection, { title: string; about: string; none: string; one: string }> =
  {
    consents: {
      title: 'Consents',
      one: 'consent',
      about:
        'Each time someone agreed to texts, withdrew that, or resumed it, with the exact words that were shown. What was said before the period is here as well, since it holds until something else is said.',
      none: 'Nobody agreed to texts.',
    },
    'opt-outs': {
      title: 'Opt-outs',
      one: 'opt-out',
      about:
        'Each time someone asked for no more texts, or took that back, in the words that were written and to the sender that they were written to. What was said before the period is here as well.',
      none: 'Nobody opted out.',
    },
    messages: {
      title: 'Texts',
      one: 'text',
      about:
        'Each text that was asked for or came in within the period: what became of it, what each rule said, how often the provider was called, what the provider and the carrier reported, and what it cost. Codes are kept nowhere, so dots stand in their place.',
      none: 'There is no text within the period.',
    },
    limits: {
      title: 'Limits that were reached',
      one: 'refusal',
      about:
        'Each time a code was not sent, or not looked at, because a rule said no. Refusals of one kind within an hour are one line that counts them.',
      none: 'No limit was reached within the period.',
    },
  };

const media: Record<ConsentMedium, string> = {
  registration: 'by the box on the registration form',
  code_page: 'by the box on the code page',
  preferences: 'in the text preferences',
  second_factor: 'when a code to sign in was asked for',
  sms_stop: 'by texting STOP',
  sms_start: 'by texting START',
  carrier_stop: 'by STOP, as the carrier says',
  recorded_stop: 'as an employee was told',
  number_moved: 'because someone else proved the number',
  number_protected: 'because the number protects another account',
  number_removed: 'because the number left the account',
  account_replaced: 'because the account was created again',
  account_claimed: 'because the owner of the email created a new account',
  account_disowned: 'because the owner of the email did not make the account',
  account_expired: 'because the registration was never finished',
  account_deleted: 'because the account was deleted',
};

const acts = { granted: 'Agreed to', withdrawn: 'Withdrew consent to', resumed: 'Resumed consent to' };
const scopes = { verification: 'codes', updates: 'updates' };

/** What was said about consent: `Agreed to updates, by the box on the registration form`. */
export function sayConsent(action: unknown, scope: unknown, medium: unknown): string {
  return `${sayOf(acts, action)} ${sayOf(scopes, scope)}, ${sayOf(media, medium)}`;
}

const channels: Record<OptOutChannel, string> = {
  text: 'by text',
  carrier: 'as the carrier says',
  web: 'on a page',
  phone: 'by phone',
  letter: 'by letter',
  other: 'in another way',
};

/**
 * What was said about all texts of a number: `Opted out of updates, on a page`. An opt-out that blocks the sender of updates alone
 * may end consent to codes all the same: they still come to who agrees to them again.
 */
export function sayOptOut(act: unknown, covers: unknown, senders: unknown, channel: unknown): string {
  const what = covers === 'updates' ? 'updates' : covers === 'verification' ? 'codes' : 'all texts';
  const optedOut =
    senders === 'updates' && covers !== 'updates'
      ? 'Opted out of updates, and ended agreement to codes'
      : `Opted out of ${what}`;
  const said = act === 'opted_out' ? optedOut : `Allowed ${what} again`;
  return `${said}, ${sayOf(channels, channel)}`;
}

const purposes: Record<MessagePurpose, string> = {
  verification: 'Code',
  update: 'Update',
  notice: 'Notice about the account',
  reply: 'Answer to a text',
  test: 'Test',
  inbound: 'From the person',
};

const statuses: Record<MessageStatus, string> = {
  queued: 'Waits',
  sending: 'Is being sent',
  sent: 'Sent',
  delivered: 'Delivered',
  failed: 'Failed',
  canceled: 'Withdrawn',
  received: 'Received',
};

export const sayPurposeOf = (purpose: unknown) => sayOf(purposes, purpose);
export const sayStatusOf = (status: unknown) => sayOf(statuses, status);

const events = { send_refused: 'A code was not sent', check_refused: 'A code was not looked at' };

/** What a limit kept back, and why: `A code was not sent: send limit`. */
export function sayRefusal(event: unknown, reason: unknown): string {
  const why = typeof reason === 'string' && reason !== '' ? `: ${plain(reason)}` : '';
  return `${sayOf(events, event)}${why}`;
}

const gates: Record<GateName, string> = {
  withdrawn: 'still wanted',
  outcome: 'known whether it went out',
  due: 'due',
  request: 'may be asked for',
  life: 'in time',
  challenge: 'code still open',
  number: 'number may be texted',
  opt_out: 'no opt-out',
  carrier: 'carrier takes texts for it',
  account: 'has an account',
  account_open: 'account active',
  consent: 'consent',
  holder: 'number proven',
  fresh_proof: 'no new proof needed',
  wish: 'wanted by the person',
  quiet_hours: 'outside quiet hours',
  number_limit: 'within the number’s limit',
  body: 'could be written',
  SMS_DAILY_BUDGET_USD: 'within the budget',
  SMS_DAILY_BUDGET_PER_USER_USD: 'within the person’s budget',
  all_but_kept: 'within what is not kept for sign-in',
  share_of_updates: 'within what updates may take',
  share_of_many: 'within what texts of many may take',
  strangers_share: 'within the share of unproven numbers',
  wide_network_share: 'within the share of its provider’s network',
  network_share: 'within the share of its network',
  prefix_share: 'within the share of its range',
  sender: 'sender at work',
  provider: 'taken by the provider',
};

const answers: Record<SaidGate['answer'], string> = {
  pass: 'yes',
  hold: 'not yet',
  refuse: 'no',
  not_asked: 'not asked',
  not_reached: 'not reached',
};

/** What a gate asks about. */
export const sayGateName = (gate: unknown) => sayOf(gates, gate);

/** What a gate asks about, and what it said: `['consent', 'yes']`. */
export function sayGateOf({ gate, answer, reason }: SaidGate): [about: string, said: string] {
  const why = reason === null ? '' : ` (${plain(reason)})`;
  return [sayOf(gates, gate), `${sayOf(answers, answer)}${why}`];
}

/** What a program calls something, as a person reads it. */
export function plain(name: string): string {
  return name.replaceAll('_', ' ');
}

/** What we do not know is said as it is: a row may be of another version. */
function sayOf(words: Readonly<Record<string, string>>, key: unknown): string {
  const name = String(key);
  return Object.hasOwn(words, name) ? words[name]! : plain(name);
}
