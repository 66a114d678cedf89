import type { Env } from '@/lib/env';
import { limits, type AddressLimit, type BucketRule } from '@/lib/rate-limits/limits';
import type { WindowRule } from '@/lib/rate-limits/sliding-window';
import { shareBudget } from '@/lib/sms/capacity/budget';
import { longestCodeWaitMs } from '@/lib/sms/capacity/send-order';
import { paceOf, senderOf } from '@/lib/sms/senders/sender';
import { sayReason } from '../messages/message-words';
import { sayCount, sayMicros } from '../report-words';

/** A rule in words, what it lets be, and by which reasons it is counted when it refuses; none: nobody counts. */
export type LimitRow = { rule: string; limit: string; reasons: readonly string[] };

export type LimitGroup = { id: string; title: string; rows: LimitRow[] };

type Limit = keyof typeof limits;
type Group = 'codes' | 'texts' | 'passwords' | 'mails' | 'accounts' | 'networks';
type Words = { group: Group; rule: string; limit?: string; reasons?: readonly string[] };

const minuteSeconds = 60;
const hourSeconds = 60 * minuteSeconds;
const daySeconds = 24 * hourSeconds;

/** Every limit of lib/rate-limits/limits.ts: one that is missing here does not compile. */
const words: Readonly<Record<Exclude<Limit, 'perAddress'>, Words>> = {
  sendsPerNumber: {
    group: 'codes',
    rule: 'Codes to one number, for each purpose: by strangers, by its holder, to sign in, to choose a new password',
    reasons: ['send_limit'],
  },
  secondsBetweenSends: {
    group: 'codes',
    rule: 'Between two sends of one code',
    limit: sayLength(limits.secondsBetweenSends),
    reasons: ['too_soon'],
  },
  askersPerNetwork: {
    group: 'codes',
    rule: 'Accounts of one network that ask for codes to one number they do not hold',
    limit: `${limits.askersPerNetwork.accounts} in any ${sayWindow(limits.askersPerNetwork.windowSeconds)}`,
    reasons: ['network_asked'],
  },
  wrongTriesPerChallenge: { group: 'codes', rule: 'Wrong tries for one code', reasons: ['tries_spent'] },
  failuresPerNumber: {
    group: 'codes',
    rule: 'Wrong codes for one number, over all codes, for each purpose',
    reasons: ['number_locked'],
  },
  codeTtlSeconds: {
    group: 'codes',
    rule: 'How long a code can be entered. What was too late to be sent counts here, too',
    limit: sayLength(limits.codeTtlSeconds),
    reasons: ['expired'],
  },
  sameCodeMinimumSeconds: {
    group: 'codes',
    rule: 'Sending again brings the same code while so much of its life is left',
    limit: sayLength(limits.sameCodeMinimumSeconds),
  },
  receiptPatienceSeconds: {
    group: 'codes',
    rule: 'Without a delivery for so long, an account can be opened without the code',
    limit: sayLength(limits.receiptPatienceSeconds),
  },
  deliveredPatienceSeconds: {
    group: 'codes',
    rule: 'With a delivery, an account can be opened without the code after so long',
    limit: sayLength(limits.deliveredPatienceSeconds),
  },
  lastTries: { group: 'codes', rule: 'People are told how many tries are left from so many on' },
  numbersPerAccount: { group: 'codes', rule: 'Numbers that one account names for the first time' },
  recoveriesPerNetwork: { group: 'codes', rule: 'Codes to choose a new password, from one network' },
  recoveriesPerEmailAndNetwork: { group: 'codes', rule: 'The same for one email, from one network' },
  recoveryFailuresPerEmailAndNetwork: {
    group: 'codes',
    rule: 'Wrong codes for a new password, for one email from one network',
  },
  recoveriesPerKnownBrowsers: {
    group: 'codes',
    rule: 'Besides, codes to choose a new password in all browsers that the account knows together',
  },
  testTexts: { group: 'texts', rule: 'Test texts to one number' },
  repliesPerNumber: { group: 'texts', rule: 'Other answers to texts from one number' },
  stopConfirmationsPerNumber: { group: 'texts', rule: 'Confirmations of a STOP to one number' },
  passwordsPerEmailAndAddress: {
    group: 'passwords',
    rule: 'Wrong passwords for one email, from one address, by browsers that the account does not know',
  },
  passwordsPerEmail: { group: 'passwords', rule: 'The same from all addresses together' },
  passwordsPerKnownBrowser: {
    group: 'passwords',
    rule: 'Wrong passwords in a browser that the account knows',
  },
  mailsPerAddress: { group: 'mails', rule: 'Mails with a link to one address' },
  mailsPerAddressAndNetwork: { group: 'mails', rule: 'Of these, asked for by one network' },
  mailsPerNetwork: { group: 'mails', rule: 'Mails with a link from one network, to all addresses' },
  mailsPerKnownBrowser: { group: 'mails', rule: 'Besides, by a browser that the account knows' },
  mailsPerKnownBrowsers: { group: 'mails', rule: 'Besides, by all browsers that it knows together' },
  mailsPerSignIn: { group: 'mails', rule: 'Mails about a new sign-in, for one account' },
  settingsPerAccount: {
    group: 'accounts',
    rule: 'Changes of each kind by one account: texts, number, password, second factors, exports',
  },
  namesPerAccount: { group: 'accounts', rule: 'Changes of name by one account' },
  toldOptOutsPerHour: {
    group: 'accounts',
    rule: 'Opt-outs that one of your people records, before each takes a second step of its own',
  },
  toldOptOutsPerStep: { group: 'accounts', rule: 'Of these, by such a second step' },
  toldOptOutsPerRecorder: { group: 'accounts', rule: 'Opt-outs that one of your people records, in all' },
  movesPerMover: { group: 'accounts', rule: 'Moves of applications by one of your people, one by one' },
  movesPerApplication: {
    group: 'accounts',
    rule: 'Of these, of one application; by brokers, and by staff and admins',
  },
  notesPerWriter: { group: 'accounts', rule: 'Notes and changes of assignee, of one of your people' },
  notesPerApplication: {
    group: 'accounts',
    rule: 'Of these, with one application; by brokers, and by staff and admins',
  },
  openedPerPerson: { group: 'accounts', rule: 'Applications that one of your people opens for someone' },
  bulkDraftsPerMover: { group: 'accounts', rule: 'Bulk moves that one of your people prepares' },
  bulkMovesPerApplication: { group: 'accounts', rule: 'Moves of one application by bulk moves' },
  bulkAimsPerMover: { group: 'accounts', rule: 'Times that they say where these go' },
  perAddressTimes: {
    group: 'networks',
    rule: 'An IPv6 /64, /56 and /48 get the figures below so many times',
    limit: limits.perAddressTimes.join(', '),
  },
};

const requests: Readonly<Record<AddressLimit, string>> = {
  register: 'Registrations from one address',
  sign_in: 'Sign-ins from one address',
  send: 'Requests for a code from one address',
  check: 'Codes entered from one address',
};

const titles: Readonly<Record<Group, string>> = {
  codes: 'Codes by text',
  texts: 'Other texts',
  passwords: 'Passwords',
  mails: 'Mail',
  accounts: 'Accounts',
  networks: 'Addresses and networks',
};

/** The setting of each sender's pace. */
const paceSettings = {
  updates: 'SMS_MESSAGES_PER_SECOND',
  codes: 'SMS_CODES_MESSAGES_PER_SECOND',
} as const;

/** What may be spent, by the settings as they are. */
function listMoney(settings: MoneySettings): LimitRow[] {
  const { smsDailyBudgetMicros: total, smsDailyBudgetPerUserMicros: perUser } = settings;
  const codesSender = senderOf(settings, 'verification');
  const pace = paceOf(settings, codesSender);
  const shares = shareBudget(BigInt(total));
  const inAnyDay = (micros: bigint) => `${sayMicros(Number(micros))} in any day`;
  return [
    {
      rule: 'All texts together (SMS_DAILY_BUDGET_USD). What a text may not cost any more is counted here, whichever of these caps said so',
      limit: inAnyDay(BigInt(total)),
      reasons: ['budget'],
    },
    {
      rule: 'Of this, what codes for new numbers leave to codes to get in and to notices',
      limit: inAnyDay(shares.keptMicros),
      reasons: [],
    },
    {
      rule: 'Of this, updates and other texts together, as long as updates may go',
      limit: inAnyDay(shares.updatesMicros),
      reasons: [],
    },
    {
      rule: 'The same for texts of bulk moves',
      limit: inAnyDay(shares.ofManyMicros),
      reasons: [],
    },
    {
      rule: 'Of this, codes that strangers ask for',
      limit: `${inAnyDay(shares.strangersMicros)}, by the hour`,
      reasons: [],
    },
    {
      rule: 'Of this, codes of one provider’s network (a /29 of IPv6, a /16 of IPv4)',
      limit: `${inAnyDay(shares.ofOneWideNetworkMicros)}, by the hour; less when others have had much`,
      reasons: [],
    },
    {
      rule: 'Of what strangers ask for, codes of one network, and codes to one number prefix',
      limit: inAnyDay(shares.ofOneSourceMicros),
      reasons: [],
    },
    {
      rule: 'Of this, codes of one network to one number prefix',
      limit: inAnyDay(shares.ofOneNetworkAndPrefixMicros),
      reasons: [],
    },
    {
      rule: 'One person, of each kind of text (SMS_DAILY_BUDGET_PER_USER_USD)',
      limit: inAnyDay(BigInt(perUser)),
      reasons: [],
    },
    {
      rule: `How long a stranger’s code may have to wait for its place in the pace (${paceSettings[codesSender]})`,
      limit:
        pace === null
          ? 'no limit on the pace'
          : `${sayLength(longestCodeWaitMs / 1000)}, at ${pace} a second`,
      reasons: ['crowded'],
    },
    {
      rule: 'New numbers of a range in which, or from a network by which, many codes were asked for and not entered (PUMPING_GUARD)',
      limit: 'closed for a while: see “Pumping”',
      reasons: ['range_closed', 'network_closed'],
    },
  ];
}

/** Whom no text may go to, or not this text. */
const people: readonly LimitRow[] = [
  { rule: 'The number has opted out', limit: 'no text goes out', reasons: ['stopped'] },
  { rule: 'There is no consent', limit: 'no text goes out', reasons: ['no_consent'] },
  { rule: 'The number is not verified', limit: 'no text goes out', reasons: ['not_verified'] },
  {
    rule: 'A carrier reported the number as out of service',
    limit: 'no update until it is verified again',
    reasons: ['out_of_service'],
  },
  {
    rule: 'Texts did not reach the number on three days',
    limit: 'no update until it is verified again',
    reasons: ['dead_number'],
  },
  { rule: 'This kind of text is turned off', limit: 'no text goes out', reasons: ['turned_off'] },
  {
    rule: 'The country is not served (SMS_COUNTRIES)',
    limit: 'no text goes out',
    reasons: ['country_not_served'],
  },
  {
    rule: 'It is no mobile number',
    limit: 'no text goes out',
    reasons: ['premium', 'toll_free', 'landline', 'not_mobile', 'not_valid'],
  },
  {
    rule: 'The carrier cannot text the number',
    limit: 'no text for a while',
    reasons: ['undeliverable'],
  },
  {
    rule: 'The account is closed or gone',
    limit: 'no text goes out',
    reasons: ['no_account', 'account_deactivated'],
  },
  {
    rule: 'The code that the text was for is over',
    limit: 'no text goes out',
    reasons: ['challenge_closed', 'no_challenge'],
  },
];

export type MoneySettings = Pick<
  Env,
  | 'twilio'
  | 'smsDailyBudgetMicros'
  | 'smsDailyBudgetPerUserMicros'
  | 'smsMessagesPerSecond'
  | 'smsCodesMessagesPerSecond'
>;

/**
 * Every rule in groups. `counted`: the reasons that refused someone lately; those that belong to no rule here come last, so that
 * nothing that was counted is left out.
 */
export function listLimits(settings: MoneySettings, counted: readonly string[]): LimitGroup[] {
  const ofLimits = (group: Group): LimitRow[] =>
    Object.entries(words)
      .filter(([, each]) => each.group === group)
      .map(([name, { rule, limit, reasons = [] }]) => ({
        rule,
        limit: limit ?? sayLimit(limits[name as keyof typeof words]),
        reasons,
      }));
  const ofRequests = Object.entries(requests).map(([name, rule]) => ({
    rule,
    limit: sayBucket(limits.perAddress[name as AddressLimit]),
    reasons: [],
  }));
  const group = (id: Group, more: readonly LimitRow[] = []): LimitGroup => ({
    id,
    title: titles[id],
    rows: [...ofLimits(id), ...more],
  });
  const groups: LimitGroup[] = [
    group('codes'),
    { id: 'money', title: 'Money and pace', rows: listMoney(settings) },
    { id: 'people', title: 'Who may be texted', rows: [...people] },
    group('texts'),
    group('passwords'),
    group('mails'),
    group('accounts'),
    group('networks', ofRequests),
  ];
  const named = new Set(groups.flatMap(({ rows }) => rows.flatMap(({ reasons }) => reasons)));
  const others = counted
    .filter((reason) => !named.has(reason))
    .map((reason) => ({ rule: sayReason(reason), limit: '–', reasons: [reason] }));
  return others.length === 0 ? groups : [...groups, { id: 'others', title: 'Other reasons', rows: others }];
}

/** How often a rule refused; null: nobody counts it. */
export function countRefusals(
  { reasons }: LimitRow,
  counts: Readonly<Record<string, number>>,
): number | null {
  return sumReasons(reasons, counts);
}

/** How often the rules of a group refused; null: nobody counts any of them. */
export function countGroup(
  rows: readonly LimitRow[],
  counts: Readonly<Record<string, number>>,
): number | null {
  return sumReasons(
    rows.flatMap(({ reasons }) => reasons),
    counts,
  );
}

function sumReasons(reasons: readonly string[], counts: Readonly<Record<string, number>>): number | null {
  return reasons.length === 0 ? null : reasons.reduce((sum, reason) => sum + (counts[reason] ?? 0), 0);
}

function sayLimit(limit: (typeof limits)[keyof typeof words]): string {
  if (typeof limit === 'number') return sayCount(limit);
  if (!Array.isArray(limit)) return '–';
  return (limit as readonly (WindowRule | number)[])
    .map((each) =>
      typeof each === 'number'
        ? sayCount(each)
        : `${sayCount(each.limit)} in any ${sayWindow(each.windowSeconds)}`,
    )
    .join(', ');
}

function sayBucket({ atOnce, perHour }: BucketRule): string {
  return `${sayCount(atOnce)} at once, ${sayCount(perHour)} an hour`;
}

/** As in "3 in any hour". */
function sayWindow(seconds: number): string {
  if (seconds === daySeconds) return 'day';
  return seconds === hourSeconds ? 'hour' : sayLength(seconds);
}

function sayLength(seconds: number): string {
  return seconds % minuteSeconds === 0
    ? seconds === minuteSeconds
      ? '1 minute'
      : `${seconds / minuteSeconds} minutes`
    : `${seconds} seconds`;
}
