import { and, desc, eq, notInArray, sql } from 'drizzle-orm';
import { auditLog } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { networkOf } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';

export type AuditAction =
  | 'account_registered'
  | 'registration_refused'
  | 'account_replaced'
  | 'account_expired'
  | 'account_activated'
  | 'account_created_by_operator'
  | 'email_proven'
  | 'email_change_requested'
  | 'email_changed'
  | 'name_changed'
  | 'changes_undone'
  | 'account_claimed'
  | 'account_disowned'
  | 'signed_in'
  | 'sign_in_refused'
  | 'signed_out'
  | 'password_changed'
  | 'password_reset'
  | 'password_set_by_operator'
  | 'role_changed'
  | 'account_deactivated'
  | 'account_reactivated'
  | 'account_unlocked'
  | 'sessions_ended_by_admin'
  | 'invitation_sent'
  | 'invitation_withdrawn'
  | 'account_invited'
  | 'invitation_accepted'
  | 'opt_out_recorded'
  | 'contact_revealed'
  | 'number_revealed'
  | 'number_moved'
  | 'number_protected'
  | 'number_released'
  | 'reauthentication_refused'
  | 'confirmed_again'
  | 'second_factor_refused'
  | 'recovery_code_used'
  | 'recovery_codes_made'
  | 'passkey_added'
  | 'passkey_removed'
  | 'totp_added'
  | 'totp_removed'
  | 'sms_factor_added'
  | 'sms_factor_removed'
  | 'factors_reset'
  | 'factors_reset_requested'
  | 'enroll_link_made'
  | 'second_factor_grace_set'
  | 'alarm_acknowledged'
  | 'carrier_list_marked'
  | 'carrier_list_dropped'
  | 'pumping_ordered'
  | 'pumping_order_ended'
  | 'device_trusted'
  | 'device_trust_ended'
  | 'trusted_device_replayed'
  | 'session_ended'
  | 'other_sessions_ended'
  | 'sessions_ended_by_operator'
  | 'phone_change_requested'
  | 'phone_change_canceled'
  | 'phone_changed'
  | 'phone_removed'
  | 'sms_preferences_changed'
  | 'quiet_hours_changed'
  | 'data_exported'
  | 'export_requested'
  | 'export_downloaded'
  | 'export_removed'
  | 'pack_requested'
  | 'pack_downloaded'
  | 'pack_removed'
  | 'application_opened'
  | 'application_moved'
  | 'application_move_undone'
  | 'application_assigned'
  | 'bulk_move_made'
  | 'bulk_move_started'
  | 'bulk_move_resumed'
  | 'bulk_move_paused'
  | 'bulk_move_stopped'
  | 'bulk_list_downloaded'
  | 'account_deleted';

/** What was done to whose account, by whom (else by themselves; null: by nobody who is known). */
export type AuditedAct = {
  action: AuditAction;
  userId: string | null;
  actorId?: string | null;
  details?: Record<string, string | number | boolean | null>;
};

/**
 * Writes who did what, in the transaction of the action: if it cannot be written, the action does not happen. Where someone else
 * did it by proving a number, their address and browser are with their own attempt in the verification log, and not here
 * too, where the end of their account would not find them.
 */
export async function recordAudit(tx: Tx | Db, entry: AuditedAct, context: RequestContext): Promise<void> {
  const actorId = entry.actorId === undefined ? entry.userId : entry.actorId;
  const byStranger = actorId === null && isOthersAction(entry.action);
  await tx.insert(auditLog).values({
    at: context.now,
    action: entry.action,
    userId: entry.userId,
    actorId,
    address: byStranger ? null : context.address,
    userAgent: byStranger ? null : context.userAgent,
    details: entry.details ?? {},
  });
}

/** Writes what a stranger may make happen as often as they like, once an hour and account: more would bury what else happened. */
export async function recordOnceAnHour(
  tx: Tx,
  entry: { action: AuditAction; userId: string; actorId: null; details: Record<string, string> },
  context: RequestContext,
): Promise<void> {
  const { rows } = await tx.execute(sql`
    select from audit_log
    where user_id = ${entry.userId} and action = ${entry.action}
      and at > ${timestamp(context.now)} - interval '1 hour' limit 1`);
  if (rows.length === 0) await recordAudit(tx, entry, context);
}

/**
 * Writes what people do to their own account as often as they like, once an hour for each network that they do it from and each
 * kind of it (`details`): so whoever else does it is seen beside them. The caller holds a lock on what they do it by.
 */
export async function recordOnceAnHourFrom(
  tx: Tx,
  entry: { action: AuditAction; userId: string; details: Record<string, string> },
  context: RequestContext,
): Promise<void> {
  const { rows } = await tx.execute<{ address: string | null }>(sql`
    select distinct address from audit_log
    where user_id = ${entry.userId} and action = ${entry.action} and details = ${JSON.stringify(entry.details)}::jsonb
      and at > ${timestamp(context.now)} - interval '1 hour'`);
  const network = networkOf(context.address);
  if (rows.some(({ address }) => address !== null && networkOf(address) === network)) return;
  await recordAudit(tx, entry, context);
}

export type AuditEntry = typeof auditLog.$inferSelect;

/** Whether someone else did this to the account: their address and browser are not its owner's to see. */
export function isOthersAction(action: string): boolean {
  return ['number_moved', 'number_protected', 'number_released'].includes(action);
}

/** What the person may see of an entry's details: all but who of the operator's people did it. */
export function shownDetails(details: AuditEntry['details']): AuditEntry['details'] {
  return Object.fromEntries(
    Object.entries(Object(details)).filter(([name]) => name !== 'operator'),
  ) as typeof details;
}

/** What happened to one account, newest first, at most `limit` entries, those of `leaveOut` apart, and only after `before`. */
export async function listAudit(
  db: Db | Tx,
  userId: string,
  limit: number,
  leaveOut: readonly AuditAction[] = [],
  before: { id: number; at: Date } | null = null,
): Promise<AuditEntry[]> {
  // The row itself knows its moment exactly; a Date has milliseconds only.
  const moment =
    before && sql`coalesce((select at from audit_log where id = ${before.id}), ${before.at.toISOString()})`;
  const older =
    before &&
    sql`${auditLog.at} <= ${moment} and (${auditLog.at} < ${moment} or ${auditLog.id} < ${before.id})`;
  return db
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.userId, userId), notInArray(auditLog.action, [...leaveOut]), older ?? undefined))
    .orderBy(desc(auditLog.at), desc(auditLog.id))
    .limit(limit);
}

/** The addresses from which someone was refused at an account's sign-in since a moment. */
export async function listRefusedAddresses(tx: Tx | Db, userId: string, since: Date): Promise<string[]> {
  const { rows } = await tx.execute<{ address: string }>(sql`
    select distinct address from audit_log
    where user_id = ${userId} and at > ${timestamp(since)} and action = 'sign_in_refused' and address is not null`);
  return rows.map((row) => row.address);
}

/** The entries about an account, or by it, that still have an address or a browser, `limit` at most: their ids. */
export async function findOrigins(tx: Tx | Db, userId: string, limit: number | null): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id::text as id from audit_log
    where (user_id = ${userId} or (actor_id = ${userId} and actor_id is distinct from user_id))
      and (address is not null or user_agent is not null) limit ${limit}`);
  return rows.map((row) => row.id);
}

/** Takes from these entries what could still tell who it was: addresses and browsers. */
export async function eraseOrigins(tx: Tx | Db, ids: readonly string[]): Promise<void> {
  await tx.execute(sql`
    update audit_log set address = null, user_agent = null
    where id = any(array(
      select id from audit_log where id = any(${sql.param(ids)}::bigint[]) order by id for update))`);
}

/**
 * Removes what was tried before `before` with emails that no account has, `limit` at most, the oldest first: it is nobody's, and
 * anyone can make more of it. Out: how many entries.
 */
export async function pruneUnknownEmails(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from audit_log where id = any(array(
      select id from audit_log
      where action = 'sign_in_refused' and user_id is null and actor_id is null and at < ${timestamp(before)}
      order by at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/**
 * Takes addresses and browsers from entries of before `before`, `limit` at most, the oldest first: who did what to whose
 * account stays. Out: from how many.
 */
export async function eraseOldOrigins(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    update audit_log set address = null, user_agent = null
    where id = any(array(
      select id from audit_log
      where (address is not null or user_agent is not null) and at < ${timestamp(before)}
      order by at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
