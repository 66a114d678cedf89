import type { AlarmFigures } from '@/db/schema/alarms';
import type { Patience } from './follow-condition';
import { explainDifference } from './ledger-kinds';

export type AlarmKind =
  | 'conversion_falls'
  | 'budget_50'
  | 'budget_80'
  | 'budget_100'
  | 'provider_fails'
  | 'sender_stopped'
  | 'receipts_stop'
  | 'webhooks_refused'
  | 'queue_old'
  | 'slow_deliveries'
  | 'bulk_stands_still'
  | 'news_waits'
  | 'pumping_closed'
  | 'pumping_everywhere'
  | 'ledgers_differ'
  | 'carrier_list_aside'
  | 'opt_outs_recorded';

type KindOfAlarm = Patience & {
  /** What is wrong, as a title. */
  name: string;
  /** What was measured, in a sentence. */
  say: (figures: AlarmFigures) => string;
  /** What to do, in a sentence or two. */
  whatToDo: string;
};

const budget = (percent: 50 | 80 | 100, name: string, whatToDo: string): KindOfAlarm => ({
  name,
  whatToDo,
  opensAfter: 1,
  clearsAfter: 10,
  say: ({ spentMicros, budgetMicros }) =>
    `${dollars(spentMicros)} of ${dollars(budgetMicros)} (SMS_DAILY_BUDGET_USD) were used in 24 hours; this is the mark of ${percent}%.`,
});

/**
 * Every kind of alarm: after how many checks (one a minute) it opens and ends, and what it says. docs/operations.md has a
 * runbook for each.
 */
export const alarmKinds: Readonly<Record<AlarmKind, KindOfAlarm>> = {
  conversion_falls: {
    name: 'Fewer codes are entered than usual',
    opensAfter: 3,
    clearsAfter: 15,
    say: ({ asked, enteredPercent, usualPercent }) =>
      `Of the last ${count(asked)} codes of an hour, ${enteredPercent}% were entered. At this hour of the last days it was ${usualPercent}%.`,
    whatToDo:
      'Look at “By area code” on the overview. One prefix that asks for many codes and enters none is an attack: block its addresses at the proxy. All prefixes at once: texts do not arrive, so look at the errors, and send yourself a test text.',
  },
  budget_50: budget(
    50,
    'Half of the budget is used',
    'Look at what was spent today on the overview. If it is an ordinary day, there is nothing to do; else find out who asks for so many texts.',
  ),
  budget_80: budget(
    80,
    'Four fifths of the budget are used',
    'Updates have stopped, and codes for new numbers stop at 90%. If people need them, raise SMS_DAILY_BUDGET_USD and restart; if it is abuse, leave it and block the source.',
  ),
  budget_100: budget(
    100,
    'The budget is used up',
    'No text goes out until older spending leaves the 24 hours. Codes fail, other texts wait. If it is not abuse, raise SMS_DAILY_BUDGET_USD and restart.',
  ),
  provider_fails: {
    name: 'Calls to the provider fail',
    opensAfter: 2,
    clearsAfter: 5,
    say: ({ failed, called }) =>
      `Of ${count(called)} texts that were tried in the last 15 minutes, ${count(failed)} met a fault: no answer, an answer of the kind 5xx, or refused credentials.`,
    whatToDo:
      'Look at status.twilio.com, then at DNS and the firewall of this machine. Texts are tried again by themselves.',
  },
  sender_stopped: {
    name: 'Nothing is being sent',
    opensAfter: 1,
    clearsAfter: 5,
    say: ({ reason }) =>
      reason === 'sender_not_registered'
        ? 'The provider says that the sender is not registered (30032, 30034), and no text was delivered since.'
        : 'The provider refuses our credentials (20003), and no text got through since.',
    whatToDo:
      'Refused credentials: correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, and restart. Not registered: finish the registration of the number or campaign at Twilio. Texts that still make sense go out by themselves.',
  },
  receipts_stop: {
    name: 'Status reports have stopped',
    opensAfter: 3,
    clearsAfter: 2,
    say: ({ waiting, minutes }) =>
      `The provider accepted ${count(waiting)} texts or more and has not called our webhook since${minutes === null ? '' : `, for ${count(minutes)} minutes`}.`,
    whatToDo:
      'See that APP_URL can be reached from outside and that the proxy lets POST /users/webhook/twilio through. Until then states are asked for, some minutes late.',
  },
  webhooks_refused: {
    name: 'Webhook calls are refused',
    opensAfter: 1,
    clearsAfter: 15,
    say: ({ refused, webhook, likely }) =>
      `${count(refused)} calls that may be the provider's were refused lately, mostly of the webhook “${webhook}”. Likely: ${likely}.`,
    whatToDo:
      'Correct TWILIO_AUTH_TOKEN, APP_URL or the proxy. A STOP that is missed meanwhile is found within an hour by reading the list of texts.',
  },
  queue_old: {
    name: 'Texts wait for too long',
    opensAfter: 2,
    clearsAfter: 3,
    say: ({ codeSeconds, seconds }) =>
      [
        codeSeconds === null ? null : `The oldest code that is due waits for ${count(codeSeconds)} seconds.`,
        seconds === null ? null : `The oldest text that is due waits for ${count(seconds)} seconds.`,
      ]
        .filter(Boolean)
        .join(' '),
    whatToDo:
      'See that a dispatcher runs (npm run worker, or npm start) and what its log says. If many texts were asked for at once, the pace is too low: SMS_MESSAGES_PER_SECOND says how many go out in a second.',
  },
  slow_deliveries: {
    name: 'Texts arrive late',
    opensAfter: 10,
    clearsAfter: 10,
    say: ({ slow, delivered }) =>
      `Of the last ${count(delivered)} deliveries of an hour, ${count(slow)} took longer than five minutes.`,
    whatToDo:
      'See whether texts wait here (the oldest text that is due) or at the carriers: by area code, and at status.twilio.com. If it is one carrier or country, ask Twilio.',
  },
  bulk_stands_still: {
    name: 'The texts of a bulk move stand still',
    opensAfter: 2,
    clearsAfter: 2,
    say: ({ moves, seconds }) =>
      `${moves === 1 ? 'A bulk move has' : `${count(moves)} bulk moves have`} texts that are due, the oldest for ${count(seconds)} seconds, and none was sent for 15 minutes.`,
    whatToDo:
      'See that a dispatcher runs (npm run worker, or npm start) and what its log says: dispatcher_stuck, dispatcher_round_failed. What is due goes out by itself once one runs.',
  },
  news_waits: {
    name: 'News of applications waits to be sent on its way',
    opensAfter: 2,
    clearsAfter: 2,
    say: ({ seconds }) =>
      `The oldest news that is due waits for ${count(seconds)} seconds to be made a text or a mail.`,
    whatToDo:
      'See that a dispatcher runs (npm run worker, or npm start) and what its log says: notices_round_failed, notices_held. What is due is told by itself once one runs.',
  },
  pumping_closed: {
    name: 'Codes are asked for and not entered: ranges are closed',
    opensAfter: 1,
    clearsAfter: 15,
    say: ({ ranges, networks, guard }) =>
      `${count(ranges)} ranges of numbers and ${count(networks)} networks ${guard === 'enforce' ? 'are closed' : 'would be closed; PUMPING_GUARD only records'}.`,
    whatToDo:
      'Look at “Pumping” in the admin area. If those are people (a launch, a school), open the range again and allow it. If it is an attack and PUMPING_GUARD only records, set it to enforce, or block the ranges there.',
  },
  pumping_everywhere: {
    name: 'Very many codes are not entered',
    opensAfter: 3,
    clearsAfter: 15,
    say: ({ unverified, threshold, verified, window }) =>
      `In ${window === 'hour' ? 'an hour' : '24 hours'} ${count(unverified)} codes were not entered, over all ranges; ${count(verified)} were. It takes ${count(threshold)}.`,
    whatToDo:
      'Nothing closes by itself over this. See on the overview whether it is one area or all of them: all of them means that texts do not arrive, or an attack that is spread wide. Then block countries (SMS_COUNTRIES), lower SMS_DAILY_BUDGET_USD, or ask the proxy for a challenge.',
  },
  ledgers_differ: {
    name: 'The ledgers do not agree',
    opensAfter: 1,
    clearsAfter: 1,
    say: ({ differences, kinds }) =>
      `The check of the night found ${count(differences)} ${differences === 1 ? 'difference' : 'differences'}. ${sayDifferences(kinds)}`,
    whatToDo:
      'Look at “Ledgers” on the page of alarms: it says what differs, where, and what to do about each. When it is mended, npm run check-ledgers looks again at once, and the alarm ends.',
  },
  carrier_list_aside: {
    name: 'A list of numbers out of service was put aside',
    opensAfter: 1,
    clearsAfter: 1,
    say: ({ lists, day, wouldMark, held }) =>
      `The carriers’ list of ${day} would put ${count(wouldMark)} of the ${count(held)} numbers that people hold in doubt, which is far more than on other days.${lists === 1 ? '' : ` ${count(lists)} lists wait.`} Nothing was marked.`,
    whatToDo:
      'Ask Twilio whether the list is right. Then npm run carrier-lists -- --mark with the day marks the numbers, and --drop leaves them as they are; npm run carrier-lists shows what waits.',
  },
  opt_outs_recorded: {
    name: 'One person records very many opt-outs',
    opensAfter: 1,
    clearsAfter: 10,
    say: ({ recorded }) =>
      `One of your people has recorded ${count(recorded)} opt-outs within an hour. Each stops all texts to a number, codes included.`,
    whatToDo:
      'The subject is the id of their account: open /admin/users/ and the id, and ask them. If they know nothing of it, end their sessions there and deactivate the account. Then write to the holders: only START, texted from the number, takes an opt-out back.',
  },
};

export const alarmKindNames = Object.keys(alarmKinds) as AlarmKind[];

/** Whether it is a kind of this version: a row may hold another's. */
export function isAlarmKind(kind: string): kind is AlarmKind {
  return Object.hasOwn(alarmKinds, kind);
}

/** What an alarm says in words; a kind that we do not know is named as it is. */
export function explainAlarm(
  kind: string,
  figures: AlarmFigures,
): { name: string; said: string; whatToDo: string } {
  if (!isAlarmKind(kind)) return { name: kind.replaceAll('_', ' '), said: '', whatToDo: '' };
  const { name, say, whatToDo } = alarmKinds[kind];
  return { name, said: say(figures), whatToDo };
}

function count(figure: AlarmFigures[string] | undefined): string {
  return typeof figure === 'number' ? figure.toLocaleString('en-US') : String(figure ?? '–');
}

function dollars(micros: AlarmFigures[string] | undefined): string {
  return typeof micros === 'number' ? `$${(micros / 1_000_000).toFixed(2)}` : '–';
}

function sayDifferences(kinds: AlarmFigures[string] | undefined): string {
  if (typeof kinds !== 'string' || kinds === '') return '';
  return kinds
    .split(',')
    .map((kind) => `${explainDifference(kind).name}.`)
    .join(' ');
}
