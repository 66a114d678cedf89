import type { Clock } from '@/app/_format/say-moment';
import type { Tone } from '@/components/ui/Notice';
import { sayDuration } from '@/components/ui/time/say-duration';
import { mostWaiting, type SenderHealth, type SenderNow } from '@/lib/reporting/sender-health';
import { sayReason } from '../messages/message-words';
import { sayCount, sayMicros, sayShare } from '../report-words';

/** One thing to know about the sender: what was measured, how that is, and what to do about it. */
export type HealthRow = { id: string; what: string; now: string; state: HealthState; whatToDo: string };

export type HealthState = { words: 'Good' | 'Look' | 'Bad' | 'Nothing yet'; tone: Tone };

/** The worst first. */
const order: readonly HealthState['words'][] = ['Bad', 'Look', 'Nothing yet', 'Good'];

const good: HealthState = { words: 'Good', tone: 'success' };
const look: HealthState = { words: 'Look', tone: 'warning' };
const bad: HealthState = { words: 'Bad', tone: 'danger' };
const nothingYet: HealthState = { words: 'Nothing yet', tone: 'neutral' };

/** Of texts that were sent, carriers filter a few; more than one in a hundred has a reason. */
const filteredShares = { look: 0.002, bad: 0.01 };

const dueSeconds = { look: 60, bad: 300 };

/** What the page about the sender says, the worst first; each with what to do, also where nothing is wrong. */
export function listHealth(health: SenderHealth, clock: Required<Clock>): HealthRow[] {
  const rank = ({ state }: HealthRow) => order.indexOf(state.words);
  const { senders } = health;
  const suffix = ({ role }: SenderNow) =>
    senders.length === 1 ? '' : role === 'codes' ? ' of codes' : ' of updates';
  return [
    ...senders.map((sender) => sayStop(sender, suffix(sender), clock)),
    ...senders.map((sender) => sayPace(sender, suffix(sender), health)),
    ...[sayRegistration, sayFiltered, sayReports, sayRefused, sayQueue, sayBudget].map((say) =>
      say(health, clock),
    ),
  ].sort((a, b) => rank(a) - rank(b));
}

/** What the page about the sender says, in a sentence. */
export function sayHealth(rows: readonly HealthRow[]): string {
  const about = (words: HealthState['words']) =>
    rows.filter(({ state }) => state.words === words).map(({ what }) => what);
  const [wrong, doubtful] = [about('Bad'), about('Look')];
  const said = [
    ...(wrong.length === 0 ? [] : [`Bad: ${wrong.join(', ')}.`]),
    ...(doubtful.length === 0 ? [] : [`To look at: ${doubtful.join(', ')}.`]),
  ];
  return said.length === 0 ? 'Nothing is wrong with the sender.' : said.join(' ');
}

function sayStop({ role, stopped }: SenderNow, suffix: string, clock: Required<Clock>): HealthRow {
  return {
    id: role === 'codes' ? 'codes-stop' : 'stop',
    what: `Sending${suffix}`,
    now:
      stopped === null
        ? 'The provider takes our texts.'
        : `The provider refuses us${stopped.reason === null ? '' : ` (${sayReason(stopped.reason)})`}. ${stopped.until === null ? 'The next text tries again.' : `The next try is in ${sayDuration(Math.max(1, (stopped.until.getTime() - clock.now.getTime()) / 1000))}.`}`,
    state: stopped === null ? good : bad,
    whatToDo:
      'When it refuses us: correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN and restart, or finish the registration of the sender.',
  };
}

function sayRegistration({ unregistered, days }: SenderHealth): HealthRow {
  return {
    id: 'registration',
    what: 'Registration',
    now: `${sayMany(unregistered, 'text')} met an error of registration (30032, 30034) in ${days} days.`,
    state: unregistered === 0 ? good : bad,
    whatToDo:
      'Any at all: finish the registration of the number or campaign in the Twilio console, and see that the number belongs to the campaign.',
  };
}

function sayFiltered({ filtered, sent, days }: SenderHealth): HealthRow {
  const share = sent === 0 ? null : filtered / sent;
  return {
    id: 'filtered',
    what: 'Filtered by carriers',
    now:
      share === null
        ? `No text was sent in ${days} days.`
        : `${sayShare(share)} (${sayCount(filtered)} of ${sayMany(sent, 'text')}, error 30007) in ${days} days.`,
    state:
      share === null
        ? nothingYet
        : share > filteredShares.bad
          ? bad
          : share > filteredShares.look
            ? look
            : good,
    whatToDo:
      'From 0.2% on: compare what is sent with the samples of the campaign, above all SITE_NAME and links, and ask Twilio which text was filtered.',
  };
}

function sayReports({ expectsReports, webhooks, sending }: SenderHealth, clock: Required<Clock>): HealthRow {
  const { accepted, lastAt } = webhooks.status;
  const ago = (at: Date) => `${sayDuration(Math.max(1, (clock.now.getTime() - at.getTime()) / 1000))} ago`;
  const delivery =
    sending.lastReceiptAt === null
      ? 'No delivery is known from the last two days.'
      : `The last delivery that is known was ${ago(sending.lastReceiptAt)}.`;
  return {
    id: 'reports',
    what: 'Status reports',
    now: !expectsReports
      ? `None are expected: APP_URL is on localhost, so states are asked for. ${delivery}`
      : lastAt === null
        ? `No call came in 24 hours. ${delivery}`
        : `${accepted === 1 ? 'One call came in 24 hours,' : `${sayCount(accepted)} calls came in 24 hours, the last`} ${ago(lastAt)}. ${delivery}`,
    state: !expectsReports || sending.lastReceiptAt === null ? nothingYet : lastAt === null ? look : good,
    whatToDo:
      'If texts go out and no call comes: see that APP_URL can be reached from outside, and that the proxy lets POST /users/webhook/twilio through.',
  };
}

function sayRefused({ webhooks: { status, inbound } }: SenderHealth): HealthRow {
  const refused = status.refused + inbound.refused;
  return {
    id: 'refused',
    what: 'Webhook calls',
    now: `In 24 hours ${sayMany(status.accepted, 'status report')} and ${sayMany(inbound.accepted, 'text')} from people were taken; ${sayCount(status.refused)} and ${sayCount(inbound.refused)} that may have been the provider’s were refused.`,
    state: refused > 0 ? bad : status.accepted + inbound.accepted === 0 ? nothingYet : good,
    whatToDo:
      'Any refused: look for webhook_refused in the log. Mostly it is TWILIO_AUTH_TOKEN, APP_URL, or a proxy that changes path, query or body.',
  };
}

function sayPace(
  { role, sentInLastMinute, messagesPerSecond }: SenderNow,
  suffix: string,
  { waiting }: SenderHealth,
): HealthRow {
  const setting = role === 'codes' ? 'SMS_CODES_MESSAGES_PER_SECOND' : 'SMS_MESSAGES_PER_SECOND';
  const most = messagesPerSecond === null ? null : messagesPerSecond * 60;
  const isFull = most !== null && sentInLastMinute > 0.8 * most;
  return {
    id: role === 'codes' ? 'codes-pace' : 'pace',
    what: `Pace${suffix}`,
    now: `${sayMany(sentInLastMinute, 'text')} in the last minute; ${most === null ? 'there is no limit' : `${sayCount(most)} can go out in one (${setting})`}.`,
    state: isFull && waiting > 0 ? look : good,
    whatToDo: `If the pace is used up and texts wait: raise ${setting} as far as the sender’s registration allows, or get a faster sender.`,
  };
}

function sayQueue({ sending: { oldestDueAt }, waiting }: SenderHealth, clock: Required<Clock>): HealthRow {
  const seconds = oldestDueAt === null ? 0 : (clock.now.getTime() - oldestDueAt.getTime()) / 1000;
  return {
    id: 'queue',
    what: 'Texts that are due',
    now:
      oldestDueAt === null
        ? 'None waits.'
        : `${waiting >= mostWaiting ? `${sayCount(mostWaiting)} or more wait` : waiting === 1 ? '1 waits' : `${sayCount(waiting)} wait`}, the oldest for ${sayDuration(Math.max(1, seconds))}.`,
    state: seconds > dueSeconds.bad ? bad : seconds > dueSeconds.look ? look : good,
    whatToDo:
      'From a minute on: see that a dispatcher runs and what its log says, then whether the pace is enough.',
  };
}

function sayBudget({ sending: { spentMicros, budgetMicros } }: SenderHealth): HealthRow {
  const used = budgetMicros === 0 ? 1 : spentMicros / budgetMicros;
  return {
    id: 'budget',
    what: 'Budget',
    now: `${sayShare(used)} of the budget for 24 hours is used (${sayMicros(spentMicros)} of ${sayMicros(budgetMicros)}).`,
    state: used >= 0.9 ? bad : used >= 0.5 ? look : good,
    whatToDo:
      'At 80% updates stop, at 90% codes for new numbers, at 100% everything. If it is not abuse, raise SMS_DAILY_BUDGET_USD and restart.',
  };
}

function sayMany(count: number, thing: string): string {
  return `${sayCount(count)} ${thing}${count === 1 ? '' : 's'}`;
}
