import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { isOpenAdmin, lockUser } from '@/lib/accounts/lock-users';
import { isSessionOf } from '@/lib/accounts/sessions';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';

/**
 * Notes that an admin has seen an open alarm and sees to it. The first name counts; the alarm stays until its condition has cleared.
 * Refused where the alarm has ended, or someone has acknowledged it already.
 */
export async function acknowledgeAlarm(
  db: Db,
  admin: { userId: string; sessionId: string },
  alarmId: string,
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: 'not_admin' | 'not_open' | 'settled' }> {
  if (!isId(alarmId)) return { ok: false, reason: 'settled' };
  return db.transaction(async (tx) => {
    const user = await lockUser(tx, admin.userId);
    if (user === null || !isOpenAdmin(user)) return { ok: false as const, reason: 'not_admin' as const };
    if (!(await isSessionOf(tx, { adminId: user.id, sessionId: admin.sessionId })))
      return { ok: false as const, reason: 'not_open' as const };
    const { rows } = await tx.execute<{ kind: string; subject: string }>(sql`
      update alarms set acknowledged_at = ${timestamp(context.now)}, acknowledged_by = ${user.id}
      where id = ${alarmId} and ended_at is null and acknowledged_at is null
      returning kind, subject`);
    const alarm = rows[0];
    if (!alarm) return { ok: false as const, reason: 'settled' as const };
    const details = { alarm: alarmId, kind: alarm.kind };
    await recordAudit(tx, { action: 'alarm_acknowledged', userId: null, actorId: user.id, details }, context);
    return { ok: true as const };
  });
}
