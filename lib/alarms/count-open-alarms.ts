import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { alarmKindNames, isAlarmKind, type AlarmKind } from './alarm-kinds';

/** How many alarms of each kind are open, acknowledged ones too; 0 where none is. */
export async function countOpenAlarms(db: Db | Tx): Promise<Record<AlarmKind, number>> {
  const counts = Object.fromEntries(alarmKindNames.map((kind) => [kind, 0])) as Record<AlarmKind, number>;
  const { rows } = await db.execute<{ kind: string; count: number }>(sql`
    select kind, count(*)::int as count from alarms where ended_at is null group by kind`);
  for (const { kind, count } of rows) if (isAlarmKind(kind)) counts[kind] = count;
  return counts;
}
