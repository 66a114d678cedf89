import { sql, type SQL } from 'drizzle-orm';
import type { PumpingFigures, PumpingOrderKind } from '@/db/schema/pumping';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env, type PumpingGuard } from '@/lib/env';
import { readAdminTimeZone } from './admin-time-zone';

/** What the guard or an admin ordered, as admins see it: no number. */
export type SeenOrder = {
  id: string;
  kind: PumpingOrderKind;
  /** A number by its last digits, a range by its first ones, a network by the beginning of its mark. */
  about: { is: 'number' | 'range' | 'network'; digits: string };
  begunAt: Date;
  /** When it ends, or ended. */
  endsAt: Date;
  /** An admin ended it; `by` null: their account is gone. Null: it ends by itself. */
  ended: { by: string | null; reason: string | null } | null;
  /** Who ordered it; null: the guard did. */
  ordered: { by: string | null; reason: string } | null;
  figures: PumpingFigures | null;
  /** How many people asked for a code that it caught, how many of them entered one later, `mostCaught` of each at most, … */
  caught: number;
  harmed: number;
  /** … and the first of them. */
  people: { id: string; name: string }[];
};

export type PumpingPage = {
  guard: PumpingGuard;
  /** What holds now, the next to end first. */
  standing: SeenOrder[];
  /** What ended within 30 days, the last to begin first. */
  past: SeenOrder[];
  /** Whether there is more than is shown. */
  isCut: boolean;
  timeZone: string;
};

const daysShown = 30;
const mostShown = 50;

/** So many of those whom one order caught are counted: more of them say nothing else. */
export const mostCaught = 500;

const mostNamed = 5;

/** Reads what the page about pumping shows to an admin: two statements, and their time zone. */
export async function readPumpingPage(
  db: Db,
  { adminId, now }: { adminId: string; now: Date },
): Promise<PumpingPage> {
  const at = timestamp(now);
  const [standing, past, timeZone] = await Promise.all([
    readSeenOrders(
      db,
      sql`where ends_at > ${at} and ended_at is null order by ends_at, id limit ${mostShown + 1}`,
    ),
    readSeenOrders(
      db,
      sql`where begun_at > ${at} - make_interval(days => ${daysShown}) and (ends_at <= ${at} or ended_at is not null)
        order by begun_at desc, id desc limit ${mostShown + 1}`,
    ),
    readAdminTimeZone(db, adminId),
  ]);
  return {
    guard: env().pumpingGuard,
    standing: standing.slice(0, mostShown),
    past: past.slice(0, mostShown),
    isCut: standing.length > mostShown || past.length > mostShown,
    timeZone,
  };
}

async function readSeenOrders(db: Db, which: SQL): Promise<SeenOrder[]> {
  const ms = (name: string) => sql.raw(`(extract(epoch from ${name}) * 1000)::float8`);
  const { rows } = await db.execute<{
    id: string;
    kind: PumpingOrderKind;
    scope: string;
    last_digits: string | null;
    begun_ms: number;
    ends_ms: number;
    is_ended: boolean;
    ended_name: string | null;
    ended_reason: string | null;
    ordered_name: string | null;
    reason: string | null;
    figures: PumpingFigures | null;
    caught: number;
    harmed: number;
    people: { id: string; name: string }[] | null;
  }>(sql`
    select shown.id, kind, scope, last_digits, ${ms('begun_at')} as begun_ms,
      ${ms('coalesce(ended_at, ends_at)')} as ends_ms, ended_at is not null and ended_at < ends_at as is_ended,
      ender.name as ended_name, ended_reason, orderer.name as ordered_name, reason, figures, hits.caught, hits.harmed, named.people
    from (select * from pumping_orders ${which}) shown
    left join users ender on ender.id = ended_by
    left join users orderer on orderer.id = ordered_by
    cross join lateral (
      select count(*)::int as caught, count(verified_at)::int as harmed
      from (select verified_at from pumping_hits where order_id = shown.id limit ${mostCaught}) hit) hits
    cross join lateral (
      select jsonb_agg(jsonb_build_object('id', users.id, 'name', users.name)) as people
      from (select user_id from pumping_hits where order_id = shown.id limit ${mostNamed}) hit
      join users on users.id = hit.user_id) named`);
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    about: sayScope(row.scope, row.last_digits),
    begunAt: new Date(row.begun_ms),
    endsAt: new Date(row.ends_ms),
    ended: row.is_ended ? { by: row.ended_name, reason: row.ended_reason } : null,
    ordered: row.reason === null ? null : { by: row.ordered_name, reason: row.reason },
    figures: row.figures,
    caught: row.caught,
    harmed: row.harmed,
    people: row.people ?? [],
  }));
}

function sayScope(scope: string, lastDigits: string | null): SeenOrder['about'] {
  const [is, rest = ''] = [scope.slice(0, scope.indexOf(':')), scope.slice(scope.indexOf(':') + 1)];
  if (is === 'number') return { is, digits: lastDigits ?? '' };
  return is === 'network' ? { is, digits: rest.slice(0, 6) } : { is: 'range', digits: rest };
}
