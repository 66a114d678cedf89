import { sql, type SQL } from 'drizzle-orm';
import type { SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { AskedFrom } from './asked-from';
import { networkHoursAround } from './network-hour';
import { isStopped, slotSpacingMicros } from './send-rate';

/** What a network asked for is looked at over this long; of refusals that are one row, all or none … */
export const askedWithinSeconds = 3600;

/** … and not counted any further than this: it comes last by then. */
const mostCounted = 200;

/** A stranger's code that would wait longer is refused at once: a person who waits a minute asks again. */
export const longestCodeWaitMs = 60_000;

/** One turn: for each that a code's network asked for it goes as if it had come so much later. */
const turnSeconds = longestCodeWaitMs / 2 / 1000;

/**
 * So many turns at most a code comes later for others that waited from its wide network when it was asked for, and as many for those of
 * its prefix: behind whoever comes within a minute and a half, while the line is a minute long, and no longer, since most of those who
 * share these have nothing to do with each other.
 */
const mostTurnsOfShared = 3;

/**
 * Codes to choose a new password take so much of that minute at most, and so leave the rest to people who are new: nobody who asks for
 * one is signed in, none is refused, and whoever knows many emails can ask for as many.
 */
const recoveryShareOfWait = 1 / 2;

/** However slow the sender is, so many of them may wait. */
const leastRecoveries = 5;

/** So many of them of one network may wait, and half of all places' worth of one wide network: more would only stand behind each other. */
const mostOfANetwork = 3;
const shareOfAWideNetwork = 1 / 2;

/**
 * Those that stand further back take no places, but come before who is new in the end. So where twice as many wait as there are places,
 * a wide network may have one, and where three times as many do, nobody may.
 */
const timesForOneEach = 2;
const timesForNone = 3;

/** Where texts of the same sender wait that are no codes, three codes of strangers take four places: one goes to those (`claimSends`). */
const shareOfOthers = 4 / 3;

/**
 * The codes that wait, in the order in which they go: `id`, `standing`, `asked`, `wide`, `prefix`, `place`, and where they are
 * (`by_network`, `by_wide` and `turn`, the last of which decides).
 *
 * First come codes of a second factor after a right password, then those of people whose number is proven, then those
 * of strangers. Among these each goes as if it had come a turn (half a minute) later for every code that its network asked for in the
 * last hour, granted or not: so a network that asks for many waits behind all that ask for one, whenever they came, and who was let
 * into the line gets out of it, however long others keep coming from networks of which nobody asked before. It goes up to three turns
 * later for those that waited when it was asked for (`findPlace`) from the same wide network, of which anybody may have 65,536 networks,
 * and up to three for those of its number prefix: so a crowd of either is behind whoever has no part in it. Then who came first goes first.
 *
 * What each network asked for is counted once, into one value in which each code finds its own, whatever the planner believes of a
 * table that a crowd has just filled: a join could count, or look through, all networks for each code.
 *
 * @param now an expression for the moment, by the database's clock, that is the same for each row
 */
export function codesInLine(now: SQL): SQL {
  return sql`
    with asked as materialized (
      select jsonb_object_agg(each.network, ${countAsked(sql`each.network`, now)}) as codes
      from (
        select distinct network from sms_messages
        where status = 'queued' and purpose = 'verification' and send_after <= ${now} and network is not null
      ) each
    )
    select w.*, row_number() over (order by w.standing, w.turn, w.send_after, w.id) as place
    from (
      select c.*, c.by_network + c.wide_turns as by_wide, c.by_network + c.wide_turns + c.prefix_turns as turn
      from (
        select m.*, m.asked - extract(epoch from ${now} - m.since)::float8 / ${turnSeconds}::float8 as by_network
        from (
          select m.id, m.send_after, ${standing} as standing, left(m.phone, -4) as prefix,
            coalesce(m.wide_network, m.network, m.id::text) as wide,
            ${asTurns(sql`m.wide_turns`)} as wide_turns, ${asTurns(sql`m.prefix_turns`)} as prefix_turns,
            greatest(m.send_after, ${now} - interval '1 hour') as since,
            case when ${standing} = 2 then coalesce(((select codes from asked) ->> m.network)::bigint, 0) else 0 end as asked
          from sms_messages m
          where m.status = 'queued' and m.purpose = 'verification' and m.send_after <= ${now}
        ) m
      ) c
    ) w`;
}

/** How many turns: none where nobody says, and never more than there are. */
function asTurns(value: SQL): SQL {
  return sql`greatest(0, least(${mostTurnsOfShared}::int, coalesce(${value}, 0)::int))`;
}

/**
 * The group that a code belongs to, by whose wish it is; those of earlier versions, which do not say, are strangers'. So are codes
 * to choose a new password, which anyone may ask for who knows an email.
 */
const standing = sql`case m.send_class when 'sign_in' then 0 when 'prove_again' then 1 else 2 end`;

/** Whether a row of the outbox is a code of the last group. */
export const isOfStranger = sql`(send_class is null or send_class not in ('sign_in', 'prove_again'))`;

/** Whether a row of the outbox is neither a code nor something that someone waits for: an update, or of a purpose that is unknown here. */
export const isOfRest = sql`(purpose <> 'verification' and purpose not in ('notice', 'reply', 'test'))`;

/** The source of a row `m` of the outbox, as long as it waits: what `sms_messages_waiting_source_index` is made of. */
const waitingSource = sql`(case when m.status = 'queued' then m.source end)`;

/**
 * How many texts of a source are due and wait, as far as `most`: an expression.
 *
 * @param now an expression for the moment, by the database's clock
 */
export function countWaitingOf(source: string, most: number, now: SQL): SQL {
  return sql`(select count(*)::int from (
    select from sms_messages m where ${waitingSource} = ${source}::uuid and m.send_after <= ${now} limit ${most}) waiting)`;
}

/** How many texts of all sources are due and wait, as far as `most`: an expression as the one before. */
export function countWaitingOfMany(most: number, now: SQL): SQL {
  return sql`(select count(*)::int from (
    select from sms_messages m where ${waitingSource} is not null and m.send_after <= ${now} limit ${most}) waiting)`;
}

/** `sources`: those of which texts wait, and a null behind them; each is found by one step in its index. A common table of a `with recursive`. */
const waitingSources = sql`sources as (
      (select ${waitingSource} as source from sms_messages m where ${waitingSource} is not null order by 1 limit 1)
      union all
      select (
        select ${waitingSource} from sms_messages m where ${waitingSource} > sources.source order by ${waitingSource} limit 1)
      from sources where sources.source is not null
    )`;

/** How many sources have had a text due for `forMs` and had none called for since, and for how many seconds the oldest has been due. */
export async function findStillSources(
  db: Db,
  now: Date,
  forMs: number,
): Promise<{ sources: number; oldestSeconds: number | null }> {
  const since = timestamp(new Date(now.getTime() - forMs));
  const { rows } = await db.execute<{ sources: number; oldest: number | null }>(sql`
    with recursive ${waitingSources}, oldest as materialized (
      select s.source, first.send_after from sources s cross join lateral (
        select m.send_after from sms_messages m
        where ${waitingSource} = s.source and m.send_after > '2000-01-01'::timestamptz order by m.send_after limit 1) first
      where first.send_after <= ${since}
    )
    select count(*)::int as sources, floor(extract(epoch from ${timestamp(now)} - min(send_after)))::float8 as oldest
    from oldest o where not exists (
      select from sms_messages sent where sent.attempted_at > ${since} and sent.source = o.source)`);
  return { sources: rows[0]!.sources, oldestSeconds: rows[0]!.oldest };
}

/**
 * The texts of many that were wished for at once, such as by a bulk move, that are due: `sources` and `of_many`, common tables of a
 * `with recursive`, the second with `id`, `send_after` and `turn`. Each of their sources has a text in each turn. Who comes first in a
 * turn is drawn by lot, so that where a claim has one place, no source has it each time; nothing has to be remembered for that.
 * Of each source only so many are locked that all of them together are about twice `most`: others find the rest free.
 *
 * @param now an expression for the moment, by the database's clock, that is the same for each row
 * @param most an expression for how many at most
 */
export function ofManyInTurns(now: SQL, most: SQL): SQL {
  return sql`${waitingSources}, share as materialized (
      select ${most}::int as most, count(source)::int as sources from sources
    ), of_many as materialized (
      select id, send_after, turn from (
        select each.id, each.send_after,
          row_number() over (partition by s.source order by each.send_after, each.id) as turn, random() as lot
        from sources s cross join lateral (
          select m.id, m.send_after from sms_messages m
          where ${waitingSource} = s.source and m.send_after <= ${now} and ${isOfRest}
          order by m.send_after limit (select least(most, 1 + 2 * most / greatest(1, sources)) from share)
          for update skip locked) each
      ) each order by turn, lot limit (select most from share)
    )`;
}

/** A count of a JSON object; what is none counts as 0, and no more than can be of use. */
function whole(value: SQL): SQL {
  return sql`case when jsonb_typeof(${value}) = 'number'
    then least(${mostCounted}, greatest(0, floor((${value})::numeric)))::int else 0 end`;
}

/**
 * A refusal that is not for what someone did: who does as they were told, and asks again at the moment that was named, is counted for
 * their network once in an account, a number and an hour (`foldRefusal`). Else each time would put them further back.
 */
export const forgivenReason = 'crowded';

/**
 * How many codes a network asked for in the last hour, as far as `mostCounted`. What is older is not even read, however much it is:
 * rows of one network are found by their time, and those of several by the hour in their keys.
 */
function countAsked(network: SQL, now: SQL): SQL {
  const asked = sql`asked_before.event in ('send_requested', 'send_refused')`;
  const since = sql`${now} - ${askedWithinSeconds}::float8 * interval '1 second'`;
  const keys = sql`unnest(${networkHoursAround(network, now)})`;
  return sql`(select least(${mostCounted}, coalesce(sum(times), 0))::bigint from (
    (select case when asked_before.reason = ${forgivenReason} then greatest(1, (
        select sum(${whole(sql`asked_before.networks -> key`)}) from ${keys} key))
      else asked_before.times end as times from sms_verification_log asked_before
      where asked_before.network = ${network} and ${asked}
        and asked_before.at > ${since} - interval '1 hour' and coalesce(asked_before.last_at, asked_before.at) > ${since}
      limit ${mostCounted})
    union all
    (select ${whole(sql`refused.networks -> key`)}
      from ${keys} key cross join lateral (
        select asked_before.networks from sms_verification_log asked_before
        where asked_before.network is null and asked_before.networks is not null
          and asked_before.networks ? key and ${asked} and asked_before.last_at > ${since}
        limit ${mostCounted}) refused)) counted)`;
}

/** Whether any text is due that is no code: an expression. */
function othersWait(now: SQL): SQL {
  return sql`exists (
    select from sms_messages where status = 'queued' and purpose <> 'verification' and send_after <= ${now})`;
}

/** How many turns later a code goes for others that waited when it was asked for: of its wide network, and of its prefix. */
export type TurnsInLine = { wideTurns: number; prefixTurns: number };

/**
 * The place in the sender's pace of a code that is asked for now: how many turns later it goes (`codesInLine`), to be kept with it, and
 * `retryAt`, where a stranger's would wait too long. That is when the line will be short enough, if nobody else asks; for whoever
 * shares a wide network or a prefix with others that wait in half a minute at the soonest, since those keep asking. Null: it would not.
 *
 * Requests that come at the same instant do not see each other, so the line may get longer by as many. Ahead is who would go first
 * in the line.
 *
 * @param askedFrom the keyed marks of the network that asks
 * @param sendsOthers whether the sender of codes sends all other texts, too: then those that wait take places
 */
export async function findPlace(
  tx: Db | Tx,
  {
    sendClass,
    phone,
    askedFrom,
    sender,
    sendsOthers,
    messagesPerSecond,
    now,
  }: {
    sendClass: SendClass;
    phone: string;
    askedFrom: AskedFrom;
    sender: string;
    sendsOthers: boolean;
    messagesPerSecond: number | null;
    now: Date;
  },
): Promise<TurnsInLine & { retryAt: Date | null }> {
  if ((sendClass !== 'prove' && sendClass !== 'recover') || messagesPerSecond === null) {
    return { wideTurns: 0, prefixTurns: 0, retryAt: null };
  }
  // Once, so that it can be looked up in an index: clock_timestamp() is another one for each row.
  const clock = sql`(select now from clock)`;
  const wide = askedFrom.wideNetwork ?? askedFrom.network;
  const { rows } = await tx.execute<{
    wide_turns: number;
    prefix_turns: number;
    known: number;
    strangers: number;
    others_wait: boolean;
    wait_ms: number | null;
  }>(sql`
    with clock as materialized (select clock_timestamp() as now), line as materialized (${codesInLine(clock)}),
      ahead as materialized (select * from line where standing = 2),
      by_network as materialized (select ${countAsked(sql`${askedFrom.network}`, clock)} + 1 as turn),
      of_wide as materialized (
        select turn, (select ${asTurns(sql`count(*)`)} from ahead
          where ahead.wide = ${wide} and ahead.by_network <= by_network.turn) as turns
        from by_network
      ),
      of_prefix as materialized (
        select turn + turns as turn, (select ${asTurns(sql`count(*)`)} from ahead
          where ahead.prefix = left(${phone}, -4) and ahead.by_wide <= of_wide.turn + of_wide.turns) as turns
        from of_wide
      )
    select (select turns from of_wide) as wide_turns, (select turns from of_prefix) as prefix_turns,
      (select count(*)::int from line where standing < 2) as known,
      (select count(*)::int from ahead, of_prefix where ahead.turn <= of_prefix.turn + of_prefix.turns) as strangers,
      ${sendsOthers ? othersWait(clock) : sql`false`} as others_wait,
      (select greatest(0, extract(epoch from next_slot_at - ${clock}) * 1000)::float8 from sms_senders
        where sender = ${sender} and ${isStopped(clock)} is not true) as wait_ms`);
  const { known, strangers, others_wait: doOthersWait, wait_ms: firstMs } = rows[0]!;
  const turns = { wideTurns: rows[0]!.wide_turns, prefixTurns: rows[0]!.prefix_turns };
  const ahead = known + strangers * (doOthersWait ? shareOfOthers : 1);
  const waitMs =
    Math.min(firstMs ?? 0, longestCodeWaitMs) + (ahead * slotSpacingMicros(messagesPerSecond)) / 1000;
  if (sendClass === 'recover' || waitMs <= longestCodeWaitMs) return { ...turns, retryAt: null };
  const soonestMs = turns.wideTurns + turns.prefixTurns > 0 ? turnSeconds * 1000 : 0;
  const inMs = Math.max(soonestMs, Math.ceil((waitMs - longestCodeWaitMs) / 1000) * 1000);
  return { ...turns, retryAt: new Date(now.getTime() + inMs) };
}

/** For how many more codes to choose a new password there is room, and how many of a network, and of a wide network. */
export type RoomForRecoveries = { places: number; of(from: AskedFrom): { network: number; wide: number } };

/**
 * For how many more codes to choose a new password there is room among those that wait (`recoveryShareOfWait`), in all and from where
 * one is asked for: else whoever has thirty of them waiting, which one network's turns keep at the end of the line, keeps everyone's
 * from getting into it. Those who ask at the same instant do not see each other.
 *
 * @param messagesPerSecond the pace of the sender of codes; null: it has none, and neither has this an end
 */
export async function readRoomForRecoveries(
  db: Db,
  messagesPerSecond: number | null,
): Promise<RoomForRecoveries> {
  if (messagesPerSecond === null) {
    return { places: Infinity, of: () => ({ network: Infinity, wide: Infinity }) };
  }
  const ofAMinute = (longestCodeWaitMs * 1000) / slotSpacingMicros(messagesPerSecond);
  const most = Math.max(leastRecoveries, Math.floor(ofAMinute * recoveryShareOfWait));
  // What stands further back lets those that come now go first, so it takes none of their places.
  const mostInFront = Math.max(leastRecoveries, Math.floor(ofAMinute));
  const { rows } = await db.execute<{
    network: string | null;
    wide: string;
    waiting: number;
    front: number;
  }>(sql`
    with clock as materialized (select clock_timestamp() as now)
    select text.network, line.wide, count(*)::int as waiting, (count(*) filter (where line.place <= ${mostInFront}::int))::int as front
    from (${codesInLine(sql`(select now from clock)`)}) line join sms_messages text on text.id = line.id
    where text.send_class = 'recover' group by 1, 2`);
  const sum = (which: (row: (typeof rows)[number]) => boolean, of: 'waiting' | 'front') =>
    rows.filter(which).reduce((total, row) => total + row[of], 0);
  const waiting = sum(() => true, 'waiting');
  const room = Math.max(0, 1 - waiting / (timesForOneEach * most));
  const mostOfAWide = Math.max(1, Math.ceil(most * shareOfAWideNetwork * room ** 2));
  return {
    places: Math.min(most - sum(() => true, 'front'), timesForNone * most - waiting),
    of: ({ network, wideNetwork }) => ({
      network: mostOfANetwork - sum((row) => row.network !== null && row.network === network, 'waiting'),
      wide: mostOfAWide - sum((row) => row.wide === (wideNetwork ?? network), 'waiting'),
    }),
  };
}
