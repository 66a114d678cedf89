import { sql, type SQL } from 'drizzle-orm';
import type { AlarmFigures } from '@/db/schema/alarms';
import type { Db } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { epochMs } from '@/db/timestamp';
import { explainAlarm } from '@/lib/alarms/alarm-kinds';
import { readLedgerState, type LedgerState } from '@/lib/alarms/ledger-checks';
import { readLastRound } from '@/lib/alarms/last-round';
import { env } from '@/lib/env';

/** An alarm as admins see it. */
export type SeenAlarm = {
  id: string;
  kind: string;
  /** The sender that it is about; null: there is only one of its kind. */
  subject: string | null;
  name: string;
  /** What was measured: by the last check that found it so. */
  said: string;
  whatToDo: string;
  /** Null: it is not known. */
  since: Date | null;
  endedAt: Date | null;
  /** Who sees to it; `by` null: their account is gone. Null: nobody yet. */
  acknowledged: { at: Date; by: string | null } | null;
  /** Whether ALERT_WEBHOOK_URL took its opening; `cause`: why the last try failed. Null: it was not to be told. */
  told: { is: 'told' | 'given_up' } | { is: 'waiting'; cause: string | null } | null;
};

export type OpenAlarms = {
  alarms: SeenAlarm[];
  /** When conditions were checked last; null: never. */
  checkedAt: Date | null;
  /** Whether that is so long ago that nobody seems to check. */
  isUnchecked: boolean;
};

/** Conditions are checked once a minute. */
const uncheckedAfterMs = 5 * 60_000;

const mostOpen = 100;
const mostRecent = 50;

/** Reads the alarms that are open, the newest first, and when conditions were checked last. */
export async function readOpenAlarms(db: Db, now: Date): Promise<OpenAlarms> {
  const [alarms, checkedAt] = await Promise.all([
    readAlarms(db, { which: sql`ended_at is null`, most: mostOpen }),
    readLastRound(db, now),
  ]);
  const isUnchecked = checkedAt === null || now.getTime() - checkedAt.getTime() > uncheckedAfterMs;
  return { alarms, checkedAt, isUnchecked };
}

/** Reads what the page of alarms shows: those that are open, the last of those that have ended, and what of the ledgers differs. */
export async function readAlarmsPage(
  db: Db,
  now: Date,
): Promise<OpenAlarms & { ended: SeenAlarm[]; isTold: boolean; ledgers: LedgerState }> {
  const [open, ended, ledgers] = await Promise.all([
    readOpenAlarms(db, now),
    readAlarms(db, { which: sql`ended_at is not null`, most: mostRecent }),
    readLedgerState(db),
  ]);
  return { ...open, ended, ledgers, isTold: env().alertWebhook !== null };
}

async function readAlarms(db: Db, { which, most }: { which: SQL; most: number }): Promise<SeenAlarm[]> {
  const { rows } = await db.execute<{
    id: string;
    kind: string;
    subject: string;
    last_figures: AlarmFigures | null;
    since_ms: number | null;
    ended_ms: number | null;
    acknowledged_ms: number | null;
    acknowledged_name: string | null;
    alert: 'told' | 'given_up' | 'waiting' | null;
    cause: string | null;
  }>(sql`
    ${plannedAnew} select alarm.id, kind, subject, last_figures, ${epochMs(sql`since`)} as since_ms, ${epochMs(sql`alarm.ended_at`)} as ended_ms,
      ${epochMs(sql`acknowledged_at`)} as acknowledged_ms, users.name as acknowledged_name, alert.cause,
      case when alert.sent_at is not null then 'told' when alert.ended_at is not null then 'given_up'
        when alert.id is not null then 'waiting' end as alert
    from (select * from alarms where ${which} order by opened_at desc, id desc limit ${most}) alarm
    left join users on users.id = acknowledged_by
    left join alarm_alerts alert on alert.alarm_id = alarm.id and alert.event = 'opened'
    order by opened_at desc, alarm.id desc`);
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    subject: row.subject === '' ? null : row.subject,
    ...explainAlarm(row.kind, row.last_figures ?? {}),
    since: row.since_ms === null ? null : new Date(row.since_ms),
    endedAt: row.ended_ms === null ? null : new Date(row.ended_ms),
    acknowledged:
      row.acknowledged_ms === null ? null : { at: new Date(row.acknowledged_ms), by: row.acknowledged_name },
    told: row.alert === 'waiting' ? { is: 'waiting', cause: row.cause } : row.alert && { is: row.alert },
  }));
}
