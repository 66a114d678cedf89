import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { readAdminTimeZone } from './admin-time-zone';

/** An invitation that can still be used. */
export type OpenInvitation = {
  id: string;
  email: string;
  name: string;
  role: string;
  reason: string | null;
  sentAt: Date;
  expiresAt: Date;
  /** Null: their account is gone. */
  invitedBy: string | null;
  /** Whoever sent it is an admin still; else it is refused. */
  isGood: boolean;
};

const mostInvitations = 100;

/** Reads all that the page of invitations shows to an admin. */
export async function readInvitationsPage(
  db: Db,
  { adminId, now }: { adminId: string; now: Date },
): Promise<{ invitations: OpenInvitation[]; timeZone: string }> {
  const [invitations, timeZone] = await Promise.all([
    listInvitations(db, now),
    readAdminTimeZone(db, adminId),
  ]);
  return { invitations, timeZone };
}

/** Reads the invitations that are open, newest first, a hundred at most. */
export async function listInvitations(db: Db, now: Date): Promise<OpenInvitation[]> {
  const { rows } = await db.execute<{
    id: string;
    email: string;
    details: Record<string, unknown> | null;
    sent_ms: number;
    expires_ms: number;
    inviter: string | null;
    is_good: boolean;
  }>(sql`
    select link.id, link.email, link.details, extract(epoch from link.created_at)::float8 * 1000 as sent_ms,
      extract(epoch from link.expires_at)::float8 * 1000 as expires_ms, inviter.name as inviter,
      coalesce(inviter.role = 'admin' and inviter.activated_at is not null and inviter.deactivated_at is null, false) as is_good
    from email_links link left join users inviter on inviter.id =
      case when link.details ->> 'invitedBy' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then (link.details ->> 'invitedBy')::uuid end
    where link.purpose = 'invite' and link.used_at is null and link.ended_at is null and link.expires_at > ${timestamp(now)}
    order by link.created_at desc
    limit ${mostInvitations}`);
  return rows.map((row) => {
    const { name, role, reason } = Object(row.details) as Record<string, unknown>;
    return {
      id: row.id,
      email: row.email,
      name: typeof name === 'string' ? name : '',
      role: typeof role === 'string' ? role : '',
      reason: typeof reason === 'string' ? reason : null,
      sentAt: new Date(row.sent_ms),
      expiresAt: new Date(row.expires_ms),
      invitedBy: row.inviter,
      isGood: row.is_good,
    };
  });
}
