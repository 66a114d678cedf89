import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { sendersOfEntry } from '@/lib/consent/opt-out-ledger';
import { look, lookForDifferences, type Finds } from './look';

/** So many numbers, or rows of the ledger of consent, are a statement: each is short, however long the ledgers are. */
const pageRows = 500;

/**
 * What a number's opt-outs come to for each of our senders (`role`): which act is the last by when it was said, and which by when it
 * was written down. Where one was found late, and was overtaken, the two may differ, and either may hold.
 */
const lastActs = sql`(
  select role, acts.* from unnest(array['updates', 'codes']) role left join (
    select about, (array_agg(act order by at desc, id desc))[1] as said, (array_agg(act order by id desc))[1] as written,
      (array_agg(at order by id desc))[1] as written_at, (array_agg(recorded_at order by id desc))[1] as found_at,
      max(at) filter (where act = 'lifted') as lifted_at
    from sms_opt_outs o cross join unnest(${sendersOfEntry(sql`o`)}) about where o.phone = page.phone group by about
  ) acts on acts.about = role)`;

/** Whether the row `n` of a number says that it has opted out of a sender. */
const isBlocked = (n: SQL) =>
  sql`${n}.suppressed_at is not null and coalesce(role = any(${n}.suppressed_senders), true)`;

/** Looks for numbers that are blocked although the ledger of opt-outs does not say so, page by page. */
export async function* checkNumbers(db: Db): Finds {
  for (let after: string | null = ''; after !== null;) {
    const rows: { last: string | null; bad: number }[] = await look(
      db,
      sql`
        with page as materialized (
          select number as phone, suppressed_at, suppressed_senders from phone_numbers where number > ${after} order by number limit ${pageRows})
        select (select max(phone) from page having count(*) = ${pageRows}) as last, (
          select count(distinct phone)::int from page cross join lateral ${lastActs} acts
          where ${isBlocked(sql`page`)} and coalesce(said, '') <> 'opted_out' and coalesce(written, '') <> 'opted_out') as bad`,
    );
    const { last, bad } = rows[0]!;
    if (bad > 0) yield [{ kind: 'blocked_without_opt_out', count: bad, examples: [] }];
    after = last;
  }
}

/** Looks for opt-outs in the ledger whose numbers are not blocked: the other way round. */
export async function* checkOptOuts(db: Db): Finds {
  for (let after: string | null = ''; after !== null;) {
    const rows: { last: string | null; bad: number }[] = await look(
      db,
      sql`
        with page as materialized (
          select phone from sms_opt_outs where phone > ${after} group by phone order by phone limit ${pageRows})
        select (select max(phone) from page having count(*) = ${pageRows}) as last, (
          select count(distinct phone)::int from page cross join lateral ${lastActs} acts
            left join phone_numbers n on n.number = page.phone
          where (${isBlocked(sql`n`)}) is not true and said = 'opted_out' and written = 'opted_out'
            -- One that was found late, and that a START or a consent had overtaken, blocks nothing.
            and not (found_at is not null and (coalesce(lifted_at > written_at - interval '1 minute', false) or exists (
              select from sms_consents c where c.phone = page.phone and c.action <> 'withdrawn' and c.at > written_at)))) as bad`,
    );
    const { last, bad } = rows[0]!;
    if (bad > 0) yield [{ kind: 'opt_out_without_block', count: bad, examples: [] }];
    after = last;
  }
}

/**
 * Goes through the ledger of consent, number by number: what each row says has to follow from the one before it about the same person,
 * number and scope, and what stands at the end has to fit the account, its switches, and where the consent was given.
 */
export async function* checkConsents(db: Db): Finds {
  for (let after: string | null = ''; after !== null;) {
    const rows: { phone: string }[] = await look(
      db,
      sql`select phone from sms_consents where phone > ${after} order by phone, user_id, scope, id offset ${pageRows} limit 1`,
    );
    const upTo: string | null = rows[0]?.phone ?? null;
    yield await lookForDifferences(
      db,
      sql`
          with acts as materialized (
            select id, phone, user_id, scope, action, at as given_at, max(at) filter (where action <> 'withdrawn') over person as agreed_at,
              lag(action) over about as before, lag(medium) over about as before_medium,
              lead(id) over about is null as is_last
            from sms_consents where phone > ${after} ${upTo === null ? sql`` : sql`and phone <= ${upTo}`}
            window about as (partition by phone, user_id, scope order by id), person as (partition by phone, user_id)
          ), judged as (
            select acts.id, case
                when action = 'withdrawn' and before is distinct from 'granted' and before is distinct from 'resumed'
                  then 'withdrawn_without_consent'
                when action = 'resumed' and (before is distinct from 'withdrawn'
                    or before_medium not in ('sms_stop', 'carrier_stop', 'recorded_stop')) then 'resumed_without_stop'
                when is_last and action <> 'withdrawn' and u.id is null then 'consent_without_account'
                -- A box that was ticked while the STOP was being taken in is written after it.
                -- The withdrawals of a STOP that very many accounts are at are written within minutes.
                when is_last and action <> 'withdrawn' and agreed_at < n.suppressed_at - interval '2 minutes'
                  and coalesce(case scope when 'verification' then 'codes' else scope end = any(n.suppressed_senders), true) and not exists (
                  select from sms_unfinished_stops s where s.phone = acts.phone and acts.id <= s.through_id)
                  then 'consent_despite_stop'
                when action = 'granted' and u.id is not null and coalesce(u.deletion_begun_at < given_at, true) and (
                  select d.consent_id from sms_consent_details d where d.consent_id = acts.id limit 1) is null then 'consent_without_origin'
                when is_last and action <> 'withdrawn' and scope = 'updates' and p.enabled = false then 'consent_though_off'
              end as kind
            from acts left join users u on u.id = acts.user_id left join sms_preferences p on p.user_id = acts.user_id
              left join phone_numbers n on n.number = acts.phone
          )
          select kind, id::text as example from judged where kind is not null`,
    );
    after = upTo;
  }
}
