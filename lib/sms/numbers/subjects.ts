import { sql, type SQL } from 'drizzle-orm';
import { phoneNumbers, type StrangerAct } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import { env } from '@/lib/env';
import { keyedNames } from '@/lib/keys';
import { limits } from '@/lib/rate-limits/limits';
import { type WindowRule } from '@/lib/rate-limits/sliding-window';
import { countsStill } from '@/lib/stored-moment';

/** Someone who does not hold a number and asks for codes to it or guesses, as the number's row names them. */
export type Stranger = Pick<StrangerAct, 'account' | 'network'> & {
  /** The names under the other secrets of AUTH_SECRET. */
  formerly: readonly Pick<StrangerAct, 'account' | 'network'>[];
};

type NumberRow = Pick<typeof phoneNumbers.$inferSelect, 'proveSends' | 'proveFailures' | 'strangerActs'>;

const dayMs = 24 * 3600 * 1000;
const { accounts: accountsPerNetwork, windowSeconds: networkWindowSeconds } = limits.askersPerNetwork;

/**
 * Names an account and its network for one number's row. The names are keyed with AUTH_SECRET, so that a row tells of
 * nobody without it, and different from number to number. What was written under any of its secrets is known again.
 *
 * `network` null: not asked for from a network of theirs; it then counts for no network.
 */
export function nameStranger(phone: string, userId: string, network: string | null): Stranger {
  const name = (...value: string[]) =>
    keyedNames(env().authSecrets, 'stranger/v1', JSON.stringify([phone, ...value])).map((each) =>
      each.slice(0, 22),
    );
  const networks = network === null ? [] : name('network', network);
  const [now, ...formerly] = name('account', userId).map((account, index) => ({
    account,
    network: networks[index] ?? null,
  }));
  return { ...now!, formerly };
}

/** What strangers did, with one act more; what counts nowhere any more, and will not once a clock comes to it, is left out. */
export function addAct(number: NumberRow, { act, atMs, account, network }: StrangerAct): StrangerAct[] {
  const kept = number.strangerActs.filter((each) => Math.abs(each.atMs - atMs) < dayMs);
  return [...kept, { act, atMs, account, network }];
}

/** The same without a send that no longer counts. */
export function withoutSend(countedAt: Date): SQL {
  return sql`(
    select coalesce(jsonb_agg(act order by nth), '[]')
    from jsonb_array_elements(${phoneNumbers.strangerActs}) with ordinality as acts (act, nth)
    where not (act->>'act' = 'send' and (act->>'atMs')::bigint = ${countedAt.getTime()}))`;
}

/** Puts an account in the place of another that it replaced: the same person, or so it has to be assumed. */
export async function inheritActs(
  tx: Tx,
  { phone, from, to }: { phone: string; from: string; to: string },
): Promise<void> {
  const { account: after } = nameStranger(phone, to, null);
  const before = sql.param(listNames(nameStranger(phone, from, null)).map(({ account }) => account));
  await tx.execute(sql`
    update phone_numbers set stranger_acts = (
      select coalesce(jsonb_agg(
        case when act->>'account' = any(${before}::text[]) then act || jsonb_build_object('account', ${after}::text) else act end
        order by nth), '[]')
      from jsonb_array_elements(stranger_acts) with ordinality as acts (act, nth))
    where number = ${phone}`);
}

/**
 * When this account may ask for a code from its network: at most two accounts of one network ask for codes to one number
 * within an hour, so that fresh accounts do not help. Null: now. The number's row must be locked to rely on it.
 */
export function readNetworkMoment(number: NumberRow, stranger: Stranger, now: Date): Date | null {
  if (stranger.network === null) return null;
  const windowMs = networkWindowSeconds * 1000;
  const own = listNames(stranger);
  const lastAsked = new Map<string, number>();
  for (const { act, account, network, atMs } of number.strangerActs) {
    if (act !== 'send' || network === null || own.some((name) => name.account === account)) continue;
    if (!own.some((name) => name.network === network)) continue;
    if (countsStill(atMs, windowMs, now)) lastAsked.set(account, Math.max(atMs, lastAsked.get(account) ?? 0));
  }
  const others = [...lastAsked.values()].sort((a, b) => a - b);
  const blocking = others[others.length - accountsPerNetwork];
  return blocking === undefined ? null : new Date(blocking + windowMs);
}

/** Whether others than this stranger have a part in it that a limit of the class `prove` is used up. */
export function isUsedUpByOthers(
  number: NumberRow | null,
  { act, ...stranger }: Pick<StrangerAct, 'act'> & Stranger,
  now: Date,
): boolean {
  if (number === null) return false;
  const [hits, rules]: [Date[], readonly WindowRule[]] =
    act === 'send'
      ? [number.proveSends, limits.sendsPerNumber]
      : [number.proveFailures, limits.failuresPerNumber];
  const own = listNames(stranger).map(({ account }) => account);
  return rules.some(({ limit, windowSeconds }) => {
    const counts = (at: Date | number) => countsStill(at, windowSeconds * 1000, now);
    return (
      hits.filter(counts).length >= limit &&
      number.strangerActs.some((each) => each.act === act && !own.includes(each.account) && counts(each.atMs))
    );
  });
}

/** Every name by which rows may know a stranger. */
function listNames({
  account,
  network,
  formerly,
}: Stranger): readonly Pick<StrangerAct, 'account' | 'network'>[] {
  return [{ account, network }, ...formerly];
}
