import { sql } from 'drizzle-orm';
import type { AlarmFigures } from '@/db/schema/alarms';
import type { Db, Tx } from '@/db/client';
import { epochMs, timestamp } from '@/db/timestamp';
import type { Env } from '@/lib/env';
import type { Log } from '@/lib/log';
import { newId } from '@/lib/random';
import { alarmKinds, isAlarmKind } from './alarm-kinds';
import { writeAlert } from './alert-body';
import { followCondition, type Standing } from './follow-condition';
import { readConditions, type Finding } from './read-conditions';

/** Conditions are checked once a minute … */
const everySeconds = 60;

/** … a little sooner than the next process would ask, so that rounds of one process do not slip to every other minute. */
const slackSeconds = 5;

/** A round that takes longer is done by another process: longer than the statements of one take on a database that is merely slow. */
const mostSeconds = 120;

/** A round that is said to be due further ahead than this was written by a clock that was wrong. */
const farAheadSeconds = 300;

const roundName = 'alarms';

/** An alarm of a kind that this release does not check ends when no other release has found it so for this long. */
const forgottenAfterMs = 60 * 60_000;

type Work = { db: Db; env: Env; log: Log };

/**
 * Checks every condition, opens alarms and ends them: if it is time for it by the database's clock, and no other process does it.
 * What has to be told outside is written in the same transaction. Out: whether this process did it.
 */
export async function checkAlarms(work: Work): Promise<boolean> {
  const round = await claimRound(work.db);
  if (round === null) return false;
  const { now, ticket, begunAt } = round;
  const findings = await readConditions({ db: work.db, env: work.env, now, begunAt }, (condition, error) =>
    work.log.warn('alarm_condition_not_read', { condition, error }),
  );
  const changed = await work.db.transaction(async (tx) => {
    if (!(await isStillOurs(tx, ticket))) return null;
    return applyFindings(tx, work.env, findings, now);
  });
  if (changed === null) return false;
  for (const { kind, subject, figures } of changed.opened) {
    work.log.error('alarm_opened', { alarm: kind, subject: subject || undefined, ...figures });
  }
  for (const { kind, subject } of changed.ended) {
    work.log.info('alarm_ended', { alarm: kind, subject: subject || undefined });
  }
  return true;
}

/** The right to check the conditions of this minute; null: it is not time for it, or someone else has it. */
async function claimRound(db: Db): Promise<{ now: Date; ticket: string; begunAt: Date } | null> {
  const { rows } = await db.execute<{ now_ms: number; ticket: string; begun_ms: number | null }>(sql`
    insert into alarm_rounds as round (name, next_at, begun_at)
    values (${roundName}, clock_timestamp() + make_interval(secs => ${mostSeconds}), clock_timestamp())
    on conflict (name) do update set next_at = excluded.next_at
      where round.next_at <= clock_timestamp()
        or round.next_at > clock_timestamp() + make_interval(secs => ${farAheadSeconds})
    returning ${epochMs(sql`clock_timestamp()`)} as now_ms, next_at::text as ticket, ${epochMs(sql`begun_at`)} as begun_ms`);
  const row = rows[0];
  if (!row) return null;
  const now = new Date(Math.round(row.now_ms));
  return { now, ticket: row.ticket, begunAt: row.begun_ms === null ? now : new Date(row.begun_ms) };
}

/** Whether nobody began another round meanwhile; holds the round until the transaction ends, and says when the next one is due. */
async function isStillOurs(tx: Tx, ticket: string): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    update alarm_rounds set checked_at = clock_timestamp(),
      next_at = greatest(next_at - make_interval(secs => ${mostSeconds - (everySeconds - slackSeconds)}), clock_timestamp())
    where name = ${roundName} and next_at = ${ticket}::timestamptz`);
  return rowCount === 1;
}

type Known = Standing & {
  alarmId: string | null;
  since: Date | null;
  lastSeenAt: Date | null;
  /** Whether someone holds its rows just now. */
  isHeld: boolean;
};
type Alarm = { id: string; kind: string; subject: string; since: Date; figures: AlarmFigures };

/**
 * Takes what was found into account, in a few statements however many conditions there are. What someone holds the rows of is left to
 * the next check, so that it keeps no other alarm from opening.
 */
async function applyFindings(
  tx: Tx,
  env: Env,
  findings: readonly Finding[],
  now: Date,
): Promise<{ opened: Alarm[]; ended: Alarm[] }> {
  const known = await readStandings(tx);
  const seen: { id: string; figures: AlarmFigures }[] = [];
  const checks: { kind: string; subject: string; run: number; since: string | null }[] = [];
  const [opened, ended]: [Alarm[], Alarm[]] = [[], []];
  for (const finding of withFormerSubjects(findings, known)) {
    const { kind, subject, verdict, figures } = finding;
    const before = known.get(keyOf(finding));
    if (before?.isHeld) continue;
    const { standing, change } = followCondition(
      before ?? { isOpen: false, run: 0, runSince: null },
      verdict,
      now,
      alarmKinds[kind],
    );
    checks.push({ kind, subject, run: standing.run, since: standing.runSince?.toISOString() ?? null });
    if (change?.is === 'opens') opened.push({ id: newId(), kind, subject, since: change.since, figures });
    const id = before?.alarmId ?? null;
    if (id === null) continue;
    if (change?.is === 'ends') ended.push({ id, kind, subject, since: before?.since ?? now, figures });
    else if (verdict === 'bad') seen.push({ id, figures });
  }
  ended.push(...listForgotten(known, now));
  await writeChecks(tx, checks, now);
  await openAlarms(tx, opened, now);
  await noteSeen(tx, seen, now);
  await endAlarms(tx, ended, now);
  if (env.alertWebhook !== null) {
    const told = [
      ...opened.map((alarm) => ({ alarm, event: 'opened' as const })),
      ...ended.map((alarm) => ({ alarm, event: 'ended' as const })),
    ];
    await writeAlerts(tx, env, told, now);
  }
  return { opened, ended };
}

const keyOf = ({ kind, subject }: { kind: string; subject: string }) => JSON.stringify([kind, subject]);

/** What an alarm was about and is not asked about any more, such as a former sender, is good news. */
function withFormerSubjects(findings: readonly Finding[], known: ReadonlyMap<string, Known>): Finding[] {
  const found = new Set(findings.map(keyOf));
  const former: Finding[] = [];
  for (const [key, { alarmId }] of known) {
    const [kind, subject] = JSON.parse(key) as [string, string];
    if (alarmId === null || found.has(key) || !isAlarmKind(kind)) continue;
    // A condition that could not be read just now says nothing.
    if (findings.some((finding) => finding.kind === kind)) {
      former.push({ kind, subject, verdict: 'good', figures: {} });
    }
  }
  return [...findings, ...former];
}

/** Open alarms of kinds that another release had, and that nobody has found so lately. */
function listForgotten(known: ReadonlyMap<string, Known>, now: Date): Alarm[] {
  return [...known].flatMap(([key, { alarmId: id, since, lastSeenAt, isHeld }]) => {
    const [kind, subject] = JSON.parse(key) as [string, string];
    if (id === null || isHeld || isAlarmKind(kind)) return [];
    const isForgotten = lastSeenAt === null || now.getTime() - lastSeenAt.getTime() > forgottenAfterMs;
    return isForgotten ? [{ id, kind, subject, since: since ?? now, figures: {} }] : [];
  });
}

/** Reads where every condition stands, and locks what of it nobody else holds. A moment that is none counts as not known. */
async function readStandings(tx: Tx): Promise<Map<string, Known>> {
  const { rows } = await tx.execute<{
    kind: string;
    subject: string;
    run: number | null;
    run_ms: number | null;
    alarm_id: string | null;
    since_ms: number | null;
    seen_ms: number | null;
    is_held: boolean;
  }>(sql`
    with free_checks as materialized (select kind, subject from alarm_checks for no key update skip locked),
    free_alarms as materialized (select id from alarms where ended_at is null for no key update skip locked)
    select kind, subject, greatest(run, 0) as run, ${epochMs(sql`run_since`)} as run_ms, id as alarm_id,
      ${epochMs(sql`since`)} as since_ms, ${epochMs(sql`last_seen_at`)} as seen_ms,
      run is not null and (kind, subject) not in (select kind, subject from free_checks)
        or id is not null and id not in (select id from free_alarms) as is_held
    from alarm_checks full join (select id, kind, subject, since, last_seen_at from alarms where ended_at is null) open using (kind, subject)`);
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms));
  return new Map(
    rows.map((row) => [
      keyOf(row),
      {
        isOpen: row.alarm_id !== null,
        run: row.run ?? 0,
        runSince: instant(row.run_ms),
        alarmId: row.alarm_id,
        since: instant(row.since_ms),
        lastSeenAt: instant(row.seen_ms),
        isHeld: row.is_held,
      },
    ]),
  );
}

async function writeChecks(tx: Tx, checks: readonly object[], now: Date): Promise<void> {
  await tx.execute(sql`
    insert into alarm_checks (kind, subject, run, run_since, checked_at)
    select kind, subject, run, since, ${timestamp(now)}
    from jsonb_to_recordset(${JSON.stringify(checks)}::jsonb) as found (kind text, subject text, run int, since timestamptz)
    on conflict (kind, subject) do update
      set run = excluded.run, run_since = excluded.run_since, checked_at = excluded.checked_at`);
}

async function openAlarms(tx: Tx, opened: readonly Alarm[], now: Date): Promise<void> {
  if (opened.length === 0) return;
  await tx.execute(sql`
    insert into alarms (id, kind, subject, since, opened_at, last_seen_at, figures, last_figures)
    select id, kind, subject, since, ${timestamp(now)}, ${timestamp(now)}, figures, figures
    from jsonb_to_recordset(${JSON.stringify(opened)}::jsonb)
      as alarm (id uuid, kind text, subject text, since timestamptz, figures jsonb)`);
}

async function noteSeen(tx: Tx, seen: readonly object[], now: Date): Promise<void> {
  if (seen.length === 0) return;
  await tx.execute(sql`
    update alarms set last_seen_at = ${timestamp(now)}, last_figures = seen.figures
    from jsonb_to_recordset(${JSON.stringify(seen)}::jsonb) as seen (id uuid, figures jsonb) where alarms.id = seen.id`);
}

async function endAlarms(tx: Tx, ended: readonly Alarm[], now: Date): Promise<void> {
  if (ended.length === 0) return;
  await tx.execute(sql`
    update alarms set ended_at = ${timestamp(now)}
    from jsonb_to_recordset(${JSON.stringify(ended)}::jsonb) as ended (id uuid) where alarms.id = ended.id`);
}

async function writeAlerts(
  tx: Tx,
  env: Env,
  told: readonly { alarm: Alarm; event: 'opened' | 'ended' }[],
  now: Date,
): Promise<void> {
  if (told.length === 0) return;
  const rows = told.map(({ alarm, event }) => {
    const id = newId();
    return { id, alarm: alarm.id, event, body: writeAlert(env, { id, event, alarm, now }) };
  });
  await tx.execute(sql`
    insert into alarm_alerts (id, alarm_id, event, body, created_at, send_after)
    select id, alarm, event, body, ${timestamp(now)}, ${timestamp(now)}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as alert (id uuid, alarm uuid, event text, body text)
    on conflict (alarm_id, event) do nothing`);
}
