import { createHmac } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import type { VerificationEvent } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { hourNumber, networkHour } from '@/lib/sms/capacity/network-hour';
import { forgivenReason } from '@/lib/sms/capacity/send-order';

/** So many accounts, and networks, of one row are told apart; what more of them do only counts. */
export const mostToldApart = 100;

const foldedEvents: readonly VerificationEvent[] = ['send_refused', 'check_refused'];

/** Evidence of what was asked against someone's word: these stay rows of their own. */
const singleReasons: readonly string[] = ['stopped', 'no_consent'];

/** Whether this is a refusal of which many become one row. */
export function isFolded(event: VerificationEvent, reason: string | null): boolean {
  return foldedEvents.includes(event) && reason !== null && !singleReasons.includes(reason);
}

export type VerificationRefusal = {
  event: VerificationEvent;
  reason: string;
  phone: string | null;
  userId: string;
  challengeId: string | null;
  /** The keyed mark of the network that it came from; null: from none. */
  network: string | null;
  details: Record<string, string | number | boolean | null> | null;
};

/**
 * Adds a refusal to the row of its kind, number and hour (where no number is known: its account's), or begins that row.
 * What refusals differ in is not kept in its column (account, challenge, address, browser, network); how often each account
 * and each network was refused is, for the first hundred of each (`forgivenReason` aside). One statement.
 *
 * An account that has ended leaves nothing more: who was refused at the instant in which it ended is not written down.
 */
export async function foldRefusal(
  tx: Tx | Db,
  refusal: VerificationRefusal,
  context: RequestContext,
): Promise<void> {
  const { event, reason, phone, userId, challengeId, network, details } = refusal;
  const at = timestamp(context.now);
  const asked = network === null ? null : networkHour(network, context.now);
  const agreed = (column: string) => {
    const name = sql.identifier(column);
    return sql`${name} = case when log.${name} = excluded.${name} then log.${name} end`;
  };
  const same = ['user_id', 'challenge_id', 'address', 'user_agent', 'network'].map(agreed);
  await tx.execute(sql`
    with account as (select id from users where id = ${userId} for key share)
    insert into sms_verification_log as log (
      at, last_at, event, reason, phone, user_id, challenge_id, address, user_agent, network, details, fold_key,
      accounts, networks
    )
    select
      ${at}, ${at}, ${event}, ${reason}, ${phone}, account.id, ${challengeId}::uuid, ${context.address},
      ${context.userAgent}, ${network}, ${details === null ? null : JSON.stringify(details)}::jsonb,
      ${foldKeyOf(refusal, context.now)},
      jsonb_build_object(account.id::text, jsonb_build_array(1, ${context.now.getTime()}::bigint)),
      case when ${asked}::text is null then '{}' else jsonb_build_object(${asked}::text, 1) end
    from account
    on conflict (fold_key) where fold_key is not null do update set
      times = ${oneMore(sql`log.times`)},
      at = least(log.at, excluded.at),
      last_at = greatest(log.last_at, excluded.last_at),
      details = excluded.details,
      ${sql.join(same, sql`, `)},
      accounts = ${withOneMore(
        sql`log.accounts`,
        userId,
        sql`jsonb_build_array(${asNumber(sql`log.accounts -> ${userId}::text -> 0`, mostCounted)} + 1,
          greatest(${asNumber(sql`log.accounts -> ${userId}::text -> 1`, lastMoment)}, ${context.now.getTime()}::bigint))`,
      )},
      networks = ${
        asked === null
          ? sql`log.networks`
          : sql`case when ${reason === forgivenReason} and log.accounts ? ${userId}::text then log.networks else ${withOneMore(
              sql`log.networks`,
              asked,
              sql`to_jsonb(${asNumber(sql`log.networks -> ${asked}::text`, mostCounted)} + 1)`,
            )} end`
      }`);
}

/** Adds one under a key. A new object replaces whatever else a broken row holds. */
function withOneMore(map: SQL, key: string, value: SQL): SQL {
  return sql`case
    when jsonb_typeof(${map}) is distinct from 'object' then jsonb_build_object(${key}::text, ${value})
    when ${map} ? ${key}::text or (select count(*) from jsonb_object_keys(${map})) < ${mostToldApart}
    then ${map} || jsonb_build_object(${key}::text, ${value}) else ${map} end`;
}

/** A stored number, between 0 and `most`. Whatever else a broken row holds counts as 0. */
function asNumber(value: SQL, most: number): SQL {
  return sql`case when jsonb_typeof(${value}) = 'number' then least(${most}::bigint, greatest(0, (${value})::numeric))::bigint else 0 end`;
}

const mostCounted = 1_000_000_000;
const lastMoment = 8.64e15;

/** Keyed, so that what is left of an erased row tells no number. */
function foldKeyOf({ event, reason, phone, userId }: VerificationRefusal, now: Date): string {
  return createHmac('sha256', deriveKey(env().authSecrets[0], 'refusal-fold/v1'))
    .update(
      JSON.stringify([
        event,
        reason,
        phone === null ? ['account', userId] : ['number', phone],
        hourNumber(now),
      ]),
    )
    .digest('base64url');
}
