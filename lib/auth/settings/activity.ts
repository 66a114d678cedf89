import type { Db } from '@/db/client';
import { isOthersAction, listAudit, type AuditAction } from '@/lib/audit';
import { listVerifications } from '@/lib/sms/verification/verification-log';
import type { VerificationEvent } from '@/db/schema/sms';

/** One thing that happened around getting into an account. */
export type Activity = {
  id: string;
  at: Date;
  what: AuditAction | VerificationEvent;
  reason: string | null;
  /** Null where nobody's browser did it. */
  address: string | null;
  userAgent: string | null;
  /** How often it happened, from `at` until `lastAt` (null: once). */
  times: number;
  lastAt: Date | null;
};

/**
 * What a person chooses about texts, or how they are called, is no attempt to get in; the export has it. Whoever finds an open browser
 * must not be able to bury under it what else they did. `audit_log_activity_index` leaves out the choices about texts, so that
 * reading does not grow with them; names are few (`namesPerAccount`).
 */
const choices: readonly AuditAction[] = ['sms_preferences_changed', 'quiet_hours_changed', 'name_changed'];

/** The reason in an entry's details, whatever an earlier version wrote there. */
function readReason(details: unknown): string | null {
  const { reason } = Object(details) as { reason?: unknown };
  return typeof reason === 'string' ? reason : null;
}

/** The latest sign-ins and attempts of one person, codes included, newest first. */
export async function readActivity(db: Db, userId: string, limit: number): Promise<Activity[]> {
  const audit = await listAudit(db, userId, limit, choices);
  const codes = await listVerifications(db, userId, limit);
  const all: Activity[] = [
    ...audit.map(({ id, at, action, actorId, address, userAgent, details }) => {
      // Who moved a number here, or is an admin, is someone else: their address is not this person's to see.
      const isOthers = isOthersAction(action) || (actorId !== null && actorId !== userId);
      return {
        id: `a${id}`,
        at,
        what: action as AuditAction,
        reason: readReason(details),
        address: isOthers ? null : address,
        userAgent: isOthers ? null : userAgent,
        times: 1,
        lastAt: null,
      };
    }),
    ...codes.map(({ id, at, event, reason, address, userAgent, times, lastAt }) => ({
      id: `v${id}`,
      at,
      what: event,
      reason,
      address,
      userAgent,
      times,
      lastAt,
    })),
  ];
  return all.sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, limit);
}
