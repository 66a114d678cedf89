import type { Db } from '@/db/client';
import { readOpenAlarms, type OpenAlarms } from './alarms-page';
import { readAttackSigns, type AttackSigns } from './attack-signs';
import { readSenderHealth, type SenderHealth } from './sender-health';
import type { ReportDay } from './rollups/report-days';
import { readReport, type Report } from './rollups/report';

/** Reads all that `/admin` shows: what is wrong, how sending is now, whether we are attacked, and a report of some days beside others. */
export async function readAdminOverview(
  db: Db,
  days: { first: ReportDay; last: ReportDay; stepDays: number },
  now: Date,
): Promise<{ alarms: OpenAlarms; health: SenderHealth; attack: AttackSigns; report: Report }> {
  const [alarms, health, attack, report] = await Promise.all([
    readOpenAlarms(db, now),
    readSenderHealth(db, now),
    readAttackSigns(db, now),
    readReport(db, { ...days, compares: true }, now),
  ]);
  return { alarms, health, attack, report };
}
