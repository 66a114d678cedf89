import { sql } from 'drizzle-orm';
import type { AlarmFigures } from '@/db/schema/alarms';
import type { RefusalReason, Webhook } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { Env } from '@/lib/env';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { readSender } from '@/lib/sms/capacity/send-rate';
import { listAside } from '@/lib/sms/delivery/lists-aside';
import { findStillSources, isOfRest } from '@/lib/sms/capacity/send-order';
import { awaitsReports, senderName, sendersOf } from '@/lib/sms/senders/sender';
import { isDueAt } from '@/lib/sms/outbox/due-texts';
import { readScopeCounts } from '@/lib/sms/pumping/close-scopes';
import { judgeCounts } from '@/lib/sms/pumping/closing-rule';
import { likelyCauses } from '@/lib/sms/webhooks/refused-calls';
import type { AlarmKind } from './alarm-kinds';
import type { Verdict } from './follow-condition';
import { countDifferences, readLedgerState } from './ledger-checks';

/** What one check found of a condition. `subject`: what it is about, empty where there is only one. */
export type Finding = { kind: AlarmKind; subject: string; verdict: Verdict; figures: AlarmFigures };

type Asked = {
  db: Db;
  env: Env;
  now: Date;
  /** Since when anyone looks at all. */
  begunAt: Date;
  /** Whether the sender is known to be stopped: what follows from that opens no alarm of its own, and ends none. */
  isStopped: boolean;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** A code is worth something for ten minutes; then it is known whether it was entered. */
const codeLifeMs = 10 * minuteMs;
/** Too few say nothing: of this hour, and of the same hour of the last seven days together. */
const fewestCodes = 30;
const fewestUsualCodes = 100;
/** So many of each hour are looked at, the newest. */
const mostCodes = 500;

/** A fall is one by a third, and by more than chance would do in a year of checks. */
const fallTo = 2 / 3;
const recoveredTo = 0.8;
const deviations = 4;

const callsMs = 15 * minuteMs;
const fewestCalls = 5;
const mostCalls = 500;

/** A status report comes within seconds; ten minutes without one, for so many texts, are no chance. */
const reportPatienceMs = 10 * minuteMs;
const fewestUnreported = 5;
const mostUnreported = 20;

/** One call may be someone's who knows our account. */
const fewestRefused = 3;
const refusedLatelyMs = 15 * minuteMs;

const oldCodeSeconds = { bad: 120, good: 60 };
const oldTextSeconds = { bad: 1_800, good: 900 };

/** A bulk move's texts go out one in each turn of all bulk moves, however low the pace is. */
const stillMs = 15 * minuteMs;

/** News is decided about within seconds of its moment, and whoever moved the application believes that it was. */
const oldNewsSeconds = { bad: 600, good: 300 };

const slowSeconds = 300;
const fewestDeliveries = 20;
const mostDeliveries = 1_000;

/** Whoever types in a heap of letters records fewer in an hour by one second step (`toldOptOutsPerHour`). */
const manyToldOptOuts = { bad: 30, good: 15 };

/** So many closures are told apart at most. */
const mostClosed = 1_000;

/** In percent of the budget. */
const budgetMarks = [50, 80, 100] as const;

/** How far below a mark of the budget spending has to fall. */
const budgetBand = 0.05;

const agoFrom = (now: Date) => (ms: number) => timestamp(new Date(now.getTime() - ms));

/** Whether a sender is stopped, and for what reason. It stays so until a text got through, also between two tries. */
async function findStop({ db, env }: Asked): Promise<Finding[]> {
  return Promise.all(
    sendersOf(env).map(async (role) => {
      const subject = senderName(env, role);
      const reason = (await readSender(db, subject))?.reason ?? null;
      return {
        kind: 'sender_stopped' as const,
        subject,
        verdict: reason === null ? ('good' as const) : ('bad' as const),
        figures: { reason },
      };
    }),
  );
}

async function findConversion({ db, now }: Asked): Promise<Finding[]> {
  const ago = agoFrom(now);
  const { rows } = await db.execute<{
    asked: number;
    entered: number;
    usual_asked: number;
    usual_entered: number;
  }>(sql`
    select coalesce(sum(asked) filter (where day = 0), 0)::int as asked,
      coalesce(sum(entered) filter (where day = 0), 0)::int as entered,
      coalesce(sum(asked) filter (where day > 0), 0)::int as usual_asked,
      coalesce(sum(entered) filter (where day > 0), 0)::int as usual_entered
    from generate_series(0, 7) day cross join lateral (
      select count(*) as asked, count(*) filter (where wrong_tries > 0 or consumed_at is not null) as entered
      from (
        select wrong_tries, consumed_at from sms_verifications
        where created_at > ${ago(codeLifeMs + hourMs)} - day * interval '24 hours'
          and created_at <= ${ago(codeLifeMs)} - day * interval '24 hours'
        order by created_at desc limit ${mostCodes}) codes) of_day`);
  const { asked, entered, usual_asked: usualAsked, usual_entered: usualEntered } = rows[0]!;
  const isEnough = asked >= fewestCodes && usualAsked >= fewestUsualCodes;
  const [share, usual] = isEnough ? [entered / asked, usualEntered / usualAsked] : [1, 1];
  const chance = deviations * Math.sqrt((usual * (1 - usual)) / Math.max(1, asked));
  const percent = (part: number) => Math.round(part * 100);
  return [
    {
      kind: 'conversion_falls',
      subject: '',
      verdict:
        share < usual * fallTo && usual - share > chance
          ? 'bad'
          : share < usual * recoveredTo
            ? 'between'
            : 'good',
      figures: { asked, enteredPercent: percent(share), usualPercent: percent(usual) },
    },
  ];
}

async function findBudget({ db, env, now }: Asked): Promise<Finding[]> {
  const spentMicros = Number(await sumSpend(db, 'all', now));
  const { smsDailyBudgetMicros: budgetMicros, smsPricePerSegmentMicros: priceMicros } = env;
  // A reservation that does not fit is not made: the budget is used up when not even the shortest text fits.
  const markOf = (percent: number) =>
    percent === 100 ? budgetMicros - priceMicros + 1 : (budgetMicros * percent) / 100;
  return budgetMarks.map((percent, index) => {
    const higher = budgetMarks[index + 1];
    // What is past a higher mark opens no alarm about a lower one, and ends none.
    const isPassed = higher !== undefined && spentMicros >= markOf(higher);
    const clear = (budgetMicros * percent) / 100 - budgetMicros * budgetBand;
    const isBad = spentMicros >= markOf(percent) && !isPassed;
    return {
      kind: `budget_${percent}` as const,
      subject: '',
      verdict: isBad ? 'bad' : spentMicros >= clear ? 'between' : 'good',
      figures: { spentMicros, budgetMicros },
    };
  });
}

async function findFailingCalls({ db, now, isStopped }: Asked): Promise<Finding[]> {
  const { rows } = await db.execute<{ called: number; failed: number }>(sql`
    select count(*)::int as called, count(faulted_at)::int as failed from (
      select faulted_at from sms_messages
      where attempted_at > ${agoFrom(now)(callsMs)} and attempted_at <= ${timestamp(now)}
      order by attempted_at desc limit ${mostCalls}) calls`);
  const { called, failed } = rows[0]!;
  const isFew = called < fewestCalls;
  const share = isFew ? 0 : failed / called;
  return [
    {
      kind: 'provider_fails',
      subject: '',
      // While hardly anything is tried, one fault is no proof that calls fail, nor that they work again.
      verdict:
        isStopped || (isFew && failed > 0)
          ? 'between'
          : share > 0.25
            ? 'bad'
            : share > 0.1
              ? 'between'
              : 'good',
      figures: { called, failed },
    },
  ];
}

async function findMissingReports({ db, env, now, begunAt }: Asked): Promise<Finding[]> {
  const found = { kind: 'receipts_stop', subject: '' } as const;
  if (!awaitsReports(env)) {
    return [{ ...found, verdict: 'good', figures: {} }];
  }
  const ago = agoFrom(now);
  const { rows } = await db.execute<{ report_ms: number | null; waiting: number }>(sql`
    with report as (
      select max(last_at) as at from webhook_calls
      where webhook = 'status' and hour > ${ago(25 * hourMs)} and last_at <= ${timestamp(now)})
    select (extract(epoch from (select at from report)) * 1000)::float8 as report_ms, (select count(*)::int from (
      select from sms_messages
      where attempted_at > greatest((select at from report), ${timestamp(begunAt)}, ${ago(24 * hourMs)})
        and attempted_at <= ${ago(reportPatienceMs)} and sent_at is not null
      limit ${mostUnreported}) unreported) as waiting`);
  const { report_ms: reportMs, waiting } = rows[0]!;
  const minutes = reportMs === null ? null : Math.round((now.getTime() - reportMs) / minuteMs);
  return [
    {
      ...found,
      verdict: waiting >= fewestUnreported ? 'bad' : waiting > 0 ? 'between' : 'good',
      figures: { waiting, minutes },
    },
  ];
}

async function findRefusedCalls({ db, now }: Asked): Promise<Finding[]> {
  const ago = agoFrom(now);
  const { rows } = await db.execute<{
    refused: number;
    webhook: Webhook | null;
    reason: RefusalReason | null;
  }>(sql`
    select coalesce(sum(count), 0)::float8 as refused, (array_agg(webhook order by count desc))[1] as webhook,
      (array_agg(reason order by count desc))[1] as reason
    from webhook_refusals
    where hour > ${ago(2 * hourMs)} and last_at > ${ago(refusedLatelyMs)} and hour <= ${timestamp(now)}
      and (names_us or reason = 'wrong_account')`);
  const { refused, webhook, reason } = rows[0]!;
  const likely = reason === null ? null : (likelyCauses[reason] ?? reason);
  return [
    {
      kind: 'webhooks_refused',
      subject: '',
      verdict: refused >= fewestRefused ? 'bad' : refused > 0 ? 'between' : 'good',
      figures: { refused, webhook, reason, likely },
    },
  ];
}

/** Texts of bulk moves are left out: thousands of them go at the sender's pace, and wait as long as that takes (`findStillMoves`). */
async function findOldTexts({ db, now, isStopped }: Asked): Promise<Finding[]> {
  const due = isDueAt(now);
  const waits = sql`floor(extract(epoch from ${timestamp(now)} - min(send_after)))::float8`;
  // Each group by its own index, so that a minute's check reads none of thousands that wait for a bulk move.
  const { rows } = await db.execute<{ code: number | null; any: number | null }>(sql`
    select code, greatest(code, prompt, rest) as any from (
      select (select ${waits} from sms_messages where ${due} and purpose = 'verification') as code,
        (select ${waits} from sms_messages where ${due} and purpose in ('notice', 'reply', 'test')) as prompt,
        (select ${waits} from sms_messages where ${due} and ${isOfRest} and source is null) as rest) groups`);
  const { code, any } = rows[0]!;
  const isOver = (which: 'bad' | 'good') =>
    (code ?? 0) > oldCodeSeconds[which] || (any ?? 0) > oldTextSeconds[which];
  return [
    {
      kind: 'queue_old',
      subject: '',
      verdict: isStopped ? 'between' : isOver('bad') ? 'bad' : isOver('good') ? 'between' : 'good',
      figures: { codeSeconds: code, seconds: any },
    },
  ];
}

async function findStillMoves({ db, env, now }: Asked): Promise<Finding[]> {
  const { sources: moves, oldestSeconds: seconds } = await findStillSources(db, now, stillMs);
  // They rest with the sender, and wait behind single updates and notices, of which `queue_old` tells.
  const waits = moves > 0 && (await isSenderBusy(db, env, now));
  return [
    {
      kind: 'bulk_stands_still',
      subject: '',
      verdict: moves === 0 ? 'good' : waits ? 'between' : 'bad',
      figures: { moves, seconds },
    },
  ];
}

async function isSenderBusy(db: Db, env: Env, now: Date): Promise<boolean> {
  const sender = await readSender(db, senderName(env, 'updates'));
  if (sender !== null && (sender.restsUntil !== null || sender.reason !== null)) return true;
  const { rowCount } = await db.execute(sql`
    select from sms_messages where ${isDueAt(now)} and source is null and purpose <> 'verification' limit 1`);
  return rowCount === 1;
}

async function findOldNews({ db, now }: Asked): Promise<Finding[]> {
  const { rows } = await db.execute<{ seconds: number | null }>(sql`
    select floor(extract(epoch from ${timestamp(now)} - min(due_at)))::float8 as seconds from application_notices
    where decided_at is null and due_at > '-infinity' and due_at <= ${timestamp(now)}`);
  const seconds = rows[0]?.seconds ?? null;
  const isOver = (which: 'bad' | 'good') => (seconds ?? 0) > oldNewsSeconds[which];
  return [
    {
      kind: 'news_waits',
      subject: '',
      verdict: isOver('bad') ? 'bad' : isOver('good') ? 'between' : 'good',
      figures: { seconds },
    },
  ];
}

async function findSlowDeliveries({ db, env, now }: Asked): Promise<Finding[]> {
  const ago = agoFrom(now);
  // One that the provider took and nobody has told the end of is slow as well, as long as any ends are told.
  const reportsCome = awaitsReports(env)
    ? sql`exists (select from webhook_calls
        where webhook = 'status' and hour > ${ago(2 * hourMs)} and last_at > ${ago(reportPatienceMs)})`
    : sql`true`;
  // From the request to the delivery; where quiet hours held it up, from its leaving, as in the reports.
  const { rows } = await db.execute<{ delivered: number; slow: number }>(sql`
    select count(*) filter (where ended is not null)::int as delivered,
      count(*) filter (where ended - begun > ${slowSeconds} * interval '1 second')::int as slow
    from (
      select case when held_at is null then created_at
          else nullif(least(coalesce(sent_at, delivered_at), delivered_at), '-infinity') end as begun,
        case when isfinite(delivered_at) then delivered_at
          when status = 'sent' and sent_at <= ${ago(slowSeconds * 1000)} and ${reportsCome} then ${timestamp(now)} end as ended
      from sms_messages
      where created_at > ${ago(hourMs + slowSeconds * 1000)} and created_at <= ${ago(slowSeconds * 1000)} and direction = 'out' and source is null
      order by created_at desc, id desc limit ${mostDeliveries}) lately`);
  const { delivered, slow } = rows[0]!;
  const isMore = (share: number) => delivered >= fewestDeliveries && slow > delivered * share;
  return [
    {
      kind: 'slow_deliveries',
      subject: '',
      verdict: isMore(0.1) ? 'bad' : isMore(0.05) ? 'between' : 'good',
      figures: { delivered, slow },
    },
  ];
}

async function findClosedRanges({ db, env, now }: Asked): Promise<Finding[]> {
  const { rows } = await db.execute<{ ranges: number; networks: number }>(sql`
    select count(*) filter (where scope like 'prefix:%')::int as ranges,
      count(*) filter (where scope like 'network:%')::int as networks
    from (
      select scope from pumping_orders
      where ends_at > ${timestamp(now)} and ended_at is null and kind = 'closed' limit ${mostClosed}) closed`);
  const { ranges, networks } = rows[0]!;
  return [
    {
      kind: 'pumping_closed',
      subject: '',
      verdict: env.pumpingGuard !== 'off' && ranges + networks > 0 ? 'bad' : 'good',
      figures: { ranges, networks, guard: env.pumpingGuard },
    },
  ];
}

async function findPumpingEverywhere({ db, env, now }: Asked): Promise<Finding[]> {
  const hour = new Date(Math.floor((now.getTime() - codeLifeMs) / hourMs) * hourMs);
  const counts = await readScopeCounts(db, [{ scope: 'all', hour, from: null }]);
  const of = counts.get('all')!;
  const verdict = env.pumpingGuard === 'off' ? null : judgeCounts('all', of);
  const isHour = verdict?.window === 'hour';
  return [
    {
      kind: 'pumping_everywhere',
      subject: '',
      verdict: verdict === null ? 'good' : 'bad',
      figures: {
        window: verdict?.window ?? 'day',
        unverified: isHour ? of.unverifiedHour : of.unverifiedDay,
        threshold: verdict?.threshold ?? null,
        verified: isHour ? of.verifiedHour : of.verifiedDay,
      },
    },
  ];
}

async function findDifferences({ db }: Asked): Promise<Finding[]> {
  const found = Object.entries(countDifferences(await readLedgerState(db))).filter(([, count]) => count > 0);
  return [
    {
      kind: 'ledgers_differ',
      subject: '',
      verdict: found.length > 0 ? 'bad' : 'good',
      figures: {
        differences: found.reduce((sum, [, count]) => sum + count, 0),
        kinds: found.map(([kind]) => kind).join(','),
      },
    },
  ];
}

async function findListsAside({ db }: Asked): Promise<Finding[]> {
  const lists = await listAside(db);
  const last = lists[0];
  return [
    {
      kind: 'carrier_list_aside',
      subject: '',
      verdict: last === undefined ? 'good' : 'bad',
      figures: {
        ...{ lists: lists.length, day: last?.day ?? null },
        ...{ wouldMark: last?.wouldMark ?? null, held: last?.held ?? null },
      },
    },
  ];
}

async function findToldOptOuts({ db, now }: Asked): Promise<Finding[]> {
  const { rows } = await db.execute<{ actor_id: string; recorded: number }>(sql`
    select actor_id, count(*)::int as recorded from audit_log
    where action = 'opt_out_recorded' and at > ${agoFrom(now)(hourMs)} and at <= ${timestamp(now)} and actor_id is not null
    group by actor_id having count(*) > ${manyToldOptOuts.good}`);
  const kind = 'opt_outs_recorded' as const;
  // That it was read is said also where nobody recorded many: whoever did before is good news then.
  return [
    { kind, subject: '', verdict: 'good', figures: {} },
    ...rows.map(({ actor_id: subject, recorded }) => ({
      kind,
      subject,
      verdict: recorded > manyToldOptOuts.bad ? ('bad' as const) : ('between' as const),
      figures: { recorded },
    })),
  ];
}

const others = [
  findConversion,
  findBudget,
  findFailingCalls,
  findMissingReports,
  findRefusedCalls,
  findOldTexts,
  findSlowDeliveries,
  findStillMoves,
  findOldNews,
  findClosedRanges,
  findPumpingEverywhere,
  findDifferences,
  findListsAside,
  findToldOptOuts,
];

/** A round that takes longer is another process's (check-alarms.ts): what was read by then is written down, and the rest not asked. */
const mostReadMs = 90_000;

/**
 * Checks every condition once, a statement each. One that cannot be read is told to `onFault`, is left as it was, and keeps no
 * other from being read. Too few texts or codes to say anything are good news.
 */
export async function readConditions(
  asked: Omit<Asked, 'isStopped'>,
  onFault: (condition: string, error: unknown) => void,
): Promise<Finding[]> {
  const tryTo = async (
    find: (asked: Asked) => Promise<Finding[]>,
    isStopped: boolean,
  ): Promise<Finding[]> => {
    try {
      return await find({ ...asked, isStopped });
    } catch (error) {
      onFault(find.name, error);
      return [];
    }
  };
  const stop = await tryTo(findStop, false);
  const findings = [...stop];
  const isStopped = stop.some(({ verdict }) => verdict === 'bad');
  // One after the other: nobody waits for them, and people wait for the connections.
  const begunMs = performance.now();
  for (const find of others) {
    if (performance.now() - begunMs > mostReadMs) {
      onFault(find.name, new Error('The conditions before it took too long'));
    } else findings.push(...(await tryTo(find, isStopped)));
  }
  return findings;
}
