import type { MessageDetails } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import type { Env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import type { WindowRule } from '@/lib/rate-limits/sliding-window';
import { explainBudget, microsOf, type BudgetRule, type SpendChange } from '@/lib/sms/capacity/budget';
import { readSenders, type SendersNow } from '@/lib/sms/capacity/send-rate';
import { senderOf } from '@/lib/sms/senders/sender';
import { readSends } from '@/lib/sms/numbers/number';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import { renderBody } from './render-body';
import { explainSendPolicy, policyRules, ruleOf, type PolicyRule, type RuleAnswer } from './send-policy';
import { readPolicyFacts, type PolicyFacts } from './send-policy-facts';
import { wantSpend } from './want-spend';

/** All that may stand between a text and the person it is for, in the order in which it is met. */
export type GateName =
  | 'withdrawn'
  /** Whether the provider took it when it was called last; only of one whose call nobody has heard the end of. */
  | 'outcome'
  | 'due'
  /** Whether its code may be asked for: only of one that was not yet (explain-next.ts). */
  | 'request'
  | PolicyRule
  /** The number's limit for codes, in which a code is counted when it is asked for. */
  | 'number_limit'
  /** Whether it can be written out of its row at all. */
  | 'body'
  | BudgetRule
  | 'sender'
  | 'provider';

export type Gate = {
  gate: GateName;
  /** `hold`: not now. `refuse`: never. `not_asked`: no question for such a text. `not_reached`: an earlier one said no. */
  answer: 'pass' | 'hold' | 'refuse' | 'not_asked' | 'not_reached';
  reason: string | null;
  /** The rule's value and limit, where it has them. */
  details: MessageDetails | null;
  /** When a gate that says `hold` lets it pass; null: it is not known, or it does not. */
  passesAt: Date | null;
};

/**
 * Asks everything that a dispatcher would ask about a text that waits, as of now, one rule after the other whatever those before
 * it say. Reads only: nothing is reserved or counted. Its code is derived to count its segments, and told to nobody. Empty: it is
 * gone.
 */
export async function explainWaiting(
  db: Db,
  id: string,
  { env, now }: { env: Env; now: Date },
): Promise<Gate[]> {
  const [facts, senders] = await Promise.all([readPolicyFacts(db, [id]), readSenders(db, env)]);
  const ofText = facts.get(id);
  return ofText === undefined ? [] : explainFacts(db, ofText, { senders, isAskedFor: true, env, now });
}

/**
 * The same of a text whose facts were read, and our senders. `isAskedFor` false: nobody wants it yet, so that a code, too, is told when
 * there will be room in the budget.
 */
export async function explainFacts(
  db: Db,
  facts: PolicyFacts,
  { senders, isAskedFor, env, now }: { senders: SendersNow; isAskedFor: boolean; env: Env; now: Date },
): Promise<Gate[]> {
  const [policy, budget] = await Promise.all([
    explainSendPolicy(facts, { now, env }),
    askBudget(db, facts, { isAskedFor, env, now }),
  ]);
  const { message } = facts;
  const isDue = message.sendAfter <= now;
  const sender = senders.get(senderOf(env, message.purpose)) ?? null;
  return [
    ...askOutcome(message),
    isDue ? gate('due', 'pass') : hold('due', message.reason, message.details, message.sendAfter),
    ...policy.map(({ rule, answer }) => gateOf(rule, answer)),
    askNumberLimit(facts, now),
    ...budget,
    sender?.restsUntil ? hold('sender', sender.reason, null, sender.restsUntil) : gate('sender', 'pass'),
  ];
}

/**
 * Says at which gate a text ended that was not delivered, from what its row keeps: those before it let it pass, and those after it
 * were not reached. Null: it did not end so.
 */
export function explainEnd(
  message: Pick<Message, 'status' | 'reason' | 'errorCode'> & {
    details: MessageDetails | null;
  },
): Gate[] | null {
  const { status, reason, details, errorCode } = message;
  if (status !== 'failed' && status !== 'canceled') return null;
  // Withdrawn from the queue by whatever made it needless; the send policy withdraws a code that is over by itself.
  if (status === 'canceled' && reason !== 'challenge_closed') return [gate('withdrawn', 'refuse', reason)];
  const budgetRule = reason === 'budget' ? readBudgetRule(details) : null;
  const atRule = reason === null ? null : ruleOf(reason);
  const order = wayOut(budgetRule ?? 'SMS_DAILY_BUDGET_USD');
  const ended: GateName =
    atRule ?? budgetRule ?? (reason === 'internal_error' && errorCode === null ? 'body' : 'provider');
  const place = order.indexOf(ended);
  return order.map((name, index) => {
    if (index < place) return gate(name, 'pass');
    return index > place ? gate(name, 'not_reached') : gate(name, 'refuse', reason, details);
  });
}

/** The same of a text that went out: every gate let it pass, or it would not have gone. What each said then was not kept. */
export function explainSent({ status }: Pick<Message, 'status'>): Gate[] | null {
  if (status !== 'sent' && status !== 'delivered') return null;
  return wayOut('SMS_DAILY_BUDGET_USD').map((name) => gate(name, 'pass'));
}

/** The gates on the way of any text, in their order. */
function wayOut(budgetRule: BudgetRule): GateName[] {
  return [...policyRules, 'body', budgetRule, 'sender', 'provider'];
}

const budgetRules: readonly BudgetRule[] = [
  'SMS_DAILY_BUDGET_USD',
  'SMS_DAILY_BUDGET_PER_USER_USD',
  'all_but_kept',
  'share_of_updates',
  'share_of_many',
  'strangers_share',
  'wide_network_share',
  'network_share',
  'prefix_share',
];

function readBudgetRule(details: MessageDetails | null): BudgetRule {
  return budgetRules.find((rule) => rule === details?.rule) ?? 'SMS_DAILY_BUDGET_USD';
}

function gateOf(rule: PolicyRule, answer: RuleAnswer): Gate {
  switch (answer.answer) {
    case 'pass':
      return gate(rule, 'pass', null, answer.details);
    case 'not_asked':
      return gate(rule, 'not_asked');
    case 'refuse':
      return gate(rule, 'refuse', answer.reason, answer.details);
    case 'hold':
      return hold(rule, answer.reason, answer.details, answer.until);
  }
}

/** Whatever the rules say, the provider is asked first whether it has a text whose call was not answered. */
function askOutcome({ unknownSince, lookUps, sendAfter }: Message): Gate[] {
  if (unknownSince === null) return [];
  const details = { since: writeInstant(unknownSince), lookUps, askedAt: writeInstant(sendAfter) };
  return [hold('outcome', null, details, null)];
}

/** PostgreSQL has moments that are none, `infinity`: null. */
function writeInstant(at: Date): string | null {
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** A code was counted when it was asked for, so its number's limit keeps only the next one back. */
function askNumberLimit({ message, number }: PolicyFacts, now: Date): Gate {
  if (message.purpose !== 'verification') return gate('number_limit', 'not_asked');
  const { remaining, retryAt } = readSends(number, message.sendClass ?? 'prove', now);
  const limit = nameLimit(limits.sendsPerNumber);
  return gate('number_limit', 'pass', null, { limit, remaining, retryAt: retryAt?.toISOString() ?? null });
}

/** A limit as its gate has it: `3 in 1 h, 10 in 24 h`. */
export function nameLimit(rules: readonly WindowRule[]): string {
  return rules.map(({ limit, windowSeconds }) => `${limit} in ${windowSeconds / 3600} h`).join(', ');
}

/** The budget of a text that can be written and paid for; where it cannot, the gate that says so. */
async function askBudget(
  db: Db,
  facts: PolicyFacts,
  { isAskedFor, env, now }: { isAskedFor: boolean; env: Env; now: Date },
): Promise<Gate[]> {
  const { message, emailKey } = facts;
  let body: string;
  try {
    body = renderBody(facts, now);
  } catch {
    return [gate('body', 'refuse', 'internal_error'), gate('SMS_DAILY_BUDGET_USD', 'not_reached')];
  }
  if (message.userId === null || emailKey === null) return [gate('SMS_DAILY_BUDGET_USD', 'not_reached')];
  const wanted = { ...wantSpend(facts, body, env), counted: readCounted(message) };
  const answers = await explainBudget(db, wanted, now);
  return [
    gate('body', 'pass'),
    ...answers.map(({ rule, fits, retryAt, ...micros }) => {
      const details = {
        limitMicros: micros.limitMicros.toString(),
        spentMicros: micros.spentMicros.toString(),
        priceMicros: micros.priceMicros.toString(),
      };
      if (fits) return gate(rule, 'pass', null, details);
      // A code is wanted now, and ends; other texts wait for room.
      const isOver = (message.purpose === 'verification' && isAskedFor) || retryAt === null;
      return isOver ? gate(rule, 'refuse', 'budget', details) : hold(rule, 'budget', details, retryAt);
    }),
  ];
}

/** The price of a text that is being sent, which its reservation has put into the sums. */
function readCounted({ reservedAt, price, spendScopes }: Message): SpendChange | null {
  return reservedAt === null ? null : { scopes: spendScopes, reservedAt, micros: microsOf(price) };
}

function gate(
  name: GateName,
  answer: Gate['answer'],
  reason: string | null = null,
  details: MessageDetails | null = null,
): Gate {
  return { gate: name, answer, reason, details, passesAt: null };
}

function hold(
  name: GateName,
  reason: string | null,
  details: MessageDetails | null,
  passesAt: Date | null,
): Gate {
  const isMoment = passesAt !== null && !Number.isNaN(passesAt.getTime());
  return { gate: name, answer: 'hold', reason, details, passesAt: isMoment ? passesAt : null };
}
