import type { Db } from '@/db/client';
import { readOpenAlarms, type OpenAlarms } from './alarms-page';
import { readAttackSigns, type AttackSigns } from './attack-signs';
import { readSenderHealth, type SenderHealth } from './sender-health';
import type { ReportDay } from './rollups/report-days';
import { readReport, type Report } from './rollups/report';

/** Reads all that `/admin` shows: what is wrong, how sending is now, whether we are attacked, and a report of some days. */
export async function readAdminOverview(
  db: Db,
  days: { first: ReportDay; last: ReportDay },
  now: Date,
): Promise<{ alarms: OpenAlarms; health: SenderHealth; attack: AttackSigns; report: Report }> {
  const [alarms, health, attack, report] = await Promise.all([
    readOpenAlarms(db, now),
    readSenderHealth(db, now),
    readAttackSigns(db, now),
    readReport(db, days, now),
  ]);
  return { alarms, health, attack, report };
}
