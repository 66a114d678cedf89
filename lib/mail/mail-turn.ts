import { sql, type SQL } from 'drizzle-orm';
import { timestamp } from '@/db/timestamp';
import { networkOf } from '@/lib/client-address';
import { env } from '@/lib/env';
import { keyedNames } from '@/lib/keys';

/**
 * Whose mail goes first, as the hundreds of its turn. Notices of what happened to an account go before all that anyone may ask
 * for, as long as they are few; then what was asked for to an address that its account has proven, then all else that was asked for. News comes last, since
 * nobody waits for it, and there may be very much of it at once.
 */
const standings = { notice: 0, proven: 100, stranger: 200, news: 300 } as const;

/** What one asked for, or was sent, is looked at over this long … */
const askedWithinMs = 3600 * 1000;

/** … and not counted any further than this. */
const mostCounted = 98;

/** The thousands of a turn: what is new has none. What is being sent, or was when its mailer died, comes after that … */
export const inHandTurn = 1_000;

/** … and what failed comes last. */
export const failedTurn = 2_000;

/** The same turn in another thousand. */
export function moveTurn(turn: SQL, thousands: number): SQL {
  return sql`greatest(${turn}, 0) % 1000 + ${thousands}::int`;
}

/** What a network is counted by, without telling its address; null: nobody's request asked. */
export function markAsking(address: string | undefined): string | null {
  if (address === undefined) return null;
  return keyedNames(env().authSecrets, 'mail-network/v1', networkOf(address))[0];
}

/**
 * The turn of a new mail: its standing, and the how many-th it is within the hour that its network asked for. What no network
 * asked for is counted by its account, among those of the same standing. Counted when the mail is written, so that sending does
 * not have to, however much waits.
 */
export function turnOf(mail: {
  standing: SQL;
  network: string | null;
  userId: SQL | string | null;
  now: Date;
}): SQL {
  const { standing, network, userId, now } = mail;
  const earlier = network === null ? ofAccount({ userId, standing, now }) : ofNetwork(network, now);
  return sql`${standing} + 1 + ${earlier}`;
}

/** One network's changes may put so many notices within the hour in front of all that others ask for. */
const noticesInFront = 3;

/**
 * The turn of a new notice, by its account among notices; so nobody's change waits behind another's many. Where the network has
 * had its share of the front, it is counted as what networks ask for to proven addresses: whoever has many accounts puts off
 * nobody's link by what they change in them, and what strangers ask for is behind it still.
 */
export function turnOfNotice(mail: { network: string | null; userId: string | null; now: Date }): SQL {
  const { network, userId, now } = mail;
  const inFront = sql`${standings.notice}::int + 1 + ${ofAccount({ userId, standing: sql`${standings.notice}::int`, now })}`;
  if (network === null) return inFront;
  return sql`(select case when network.earlier < ${noticesInFront} then ${inFront}
    else ${standings.proven}::int + 1 + network.earlier end
    from (select ${ofNetwork(network, now)} as earlier) network)`;
}

/** How many mails a network has asked for within the hour. */
function ofNetwork(network: string, now: Date): SQL {
  return sql`(select count(*) from (
    select from mails earlier where earlier.network = ${network} and earlier.created_at > ${hourBefore(now)}
    limit ${mostCounted}) asked)::int`;
}

/** How many mails of a standing an account has had within the hour. */
function ofAccount({
  userId,
  standing,
  now,
}: {
  userId: SQL | string | null;
  standing: SQL;
  now: Date;
}): SQL {
  return sql`(select count(*) from (
    select earlier.turn from mails earlier where earlier.user_id = ${userId} and earlier.created_at > ${hourBefore(now)}
    order by earlier.created_at desc limit ${mostCounted}) had where had.turn % 1000 / 100 = ${standing} / 100)::int`;
}

function hourBefore(now: Date): SQL {
  return timestamp(new Date(now.getTime() - askedWithinMs));
}

/** The standing of a mail with a link that is no notice. `proven`: whether its address is one that its account has proven. */
export function standingOf(proven: SQL): SQL {
  return sql`(case when ${proven} then ${standings.proven} else ${standings.stranger} end)::int`;
}

export const newsStanding = sql`${standings.news}::int`;
