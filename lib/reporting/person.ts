import { isIP } from 'node:net';
import { sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { listSessions, type SessionRow } from '@/lib/accounts/sessions';
import { findUser, isEmailReleased } from '@/lib/accounts/users';
import type { AuditAction } from '@/lib/audit';
import { maskPhone } from '@/lib/phone/parse';
import { isId } from '@/lib/random';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { readAdminTimeZone } from './admin-time-zone';
import { readSeenFactors, type SeenFactors } from './held-factors';
import { cutPage, exactInstant, type Keyset } from './keyset';
import { sealPhoneId } from './phone-id';

/** Who did something to an account, as far as it is known. */
export type AuditActor =
  | { kind: 'owner' }
  /** Nobody who was signed in: a stranger, the carrier, or the product by itself. */
  | { kind: 'nobody' }
  | { kind: 'operator'; name: string }
  /** `name` null: their account is gone. */
  | { kind: 'person'; id: string; name: string | null };

/** An entry of the audit about one person. */
export type SeenAuditEntry = {
  id: string;
  at: Date;
  action: string;
  actor: AuditActor;
  /** Where it was done from, if nobody was signed in: all that is known of who it was; null: not known, or erased. */
  address: string | null;
  /** What whoever did it gave as the reason; of a refusal, its name. */
  reason: string | null;
  /** The roles before and after, where it was one's change. */
  from: string | null;
  to: string | null;
};

export type SeenPerson = {
  id: string;
  name: string;
  email: string;
  emailProvenAt: Date | null;
  /** The owner of the email had the account closed: it cannot be opened again. */
  isEmailReleased: boolean;
  role: Role;
  state: 'active' | 'pending' | 'deactivated';
  maskedPhone: string | null;
  /** What the page of their number goes by; null with it. */
  phoneId: string | null;
  phone: Awaited<ReturnType<typeof readPhoneState>>;
  createdAt: Date;
  deactivatedAt: Date | null;
  /** Who closed the account, and why; null: it is open, or nobody wrote it down. */
  closing: SeenAuditEntry | null;
  /** By password; null: never, or longer ago than the audit goes back. */
  lastSignInAt: Date | null;
  factors: SeenFactors | null;
  sessions: Pick<SessionRow, 'id' | 'createdAt' | 'lastSeenAt' | 'address' | 'userAgent'>[];
  history: SeenAuditEntry[];
  olderHistory: string | null;
  /** Which admins had the whole phone number shown, the newest first; and whether there are older ones. */
  looks: SeenAuditEntry[];
  hasOlderLooks: boolean;
  /** In which moments are said to the admin. */
  timeZone: string;
};

const pageSize = 20;
const mostLooks = 10;

/** Reads what an admin sees of one person, with a page of the audit about them; null: there is no such account. */
export async function readPerson(
  db: Db,
  userId: string,
  { adminId, historyBefore, now }: { adminId: string; historyBefore: Keyset | null; now: Date },
): Promise<SeenPerson | null> {
  const user = isId(userId) ? await findUser(db, userId) : null;
  if (user === null) return null;
  const [phone, factors, sessions, history, looks, lastSignInAt, closing, timeZone] = await Promise.all([
    readPhoneState(db, { userId: user.id, phone: user.phone, phoneMovedAt: user.phoneMovedAt }),
    readSeenFactors(db, user.id),
    listSessions(db, user.id, now),
    listHistory(db, user.id, historyBefore),
    listLooks(db, user.id),
    readLastSignIn(db, user.id),
    user.deactivatedAt === null ? null : readClosing(db, user.id, user.deactivatedAt),
    readAdminTimeZone(db, adminId),
  ]);
  const state =
    user.deactivatedAt !== null ? 'deactivated' : user.activatedAt !== null ? 'active' : 'pending';
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    emailProvenAt: user.emailProvenAt,
    isEmailReleased: isEmailReleased(user),
    role: user.role,
    state,
    maskedPhone: user.phone === null ? null : maskPhone(user.phone),
    phoneId: user.phone === null ? null : sealPhoneId(user.phone),
    phone,
    createdAt: user.createdAt,
    deactivatedAt: user.deactivatedAt,
    closing,
    lastSignInAt,
    factors,
    sessions: sessions.map(({ id, createdAt, lastSeenAt, address, userAgent }) => ({
      id,
      createdAt,
      lastSeenAt,
      address,
      userAgent,
    })),
    history: history.rows,
    olderHistory: history.older,
    looks: looks.slice(0, mostLooks),
    hasOlderLooks: looks.length > mostLooks,
    timeZone,
  };
}

async function readLastSignIn(db: Db, userId: string): Promise<Date | null> {
  const { rows } = await db.execute<{ at: string }>(sql`
    select ${exactInstant(sql`at`)} as at from audit_log where user_id = ${userId} and action = 'signed_in'
    order by audit_log.at desc limit 1`);
  return rows[0] ? new Date(rows[0].at) : null;
}

async function listHistory(
  db: Db,
  userId: string,
  before: Keyset | null,
): Promise<{ rows: SeenAuditEntry[]; older: string | null }> {
  const { rows } = await db.execute<AuditRow>(sql`
    ${auditEntries} where entry.user_id = ${userId}
      ${before ? sql`and (entry.at, entry.id) < (${before.at}::timestamptz, ${before.id}::bigint)` : sql``}
    order by entry.at desc, entry.id desc
    limit ${pageSize + 1}`);
  const page = cutPage(rows, pageSize);
  return { older: page.older, rows: page.rows.map((row) => readEntry(row, userId)) };
}

/** What is written down of an admin who looks. */
const lookActions = ['contact_revealed', 'number_revealed'] as const satisfies readonly AuditAction[];

async function listLooks(db: Db, userId: string): Promise<SeenAuditEntry[]> {
  const { rows } = await db.execute<AuditRow>(sql`
    ${auditEntries} where entry.user_id = ${userId} and action = any(${sql.param(lookActions)}::text[])
    order by entry.at desc, entry.id desc limit ${mostLooks + 1}`);
  return rows.map((row) => readEntry(row, userId));
}

/** What closes an account; its entry is written with it, at the same moment. */
const closingActions = ['account_deactivated', 'account_disowned'] as const satisfies readonly AuditAction[];

async function readClosing(db: Db, userId: string, closedAt: Date): Promise<SeenAuditEntry | null> {
  // A moment that is none was written by hand, and has no entry.
  if (Number.isNaN(closedAt.getTime())) return null;
  const around = (ms: number) => timestamp(new Date(closedAt.getTime() + ms));
  const { rows } = await db.execute<AuditRow>(sql`
    ${auditEntries} where entry.user_id = ${userId} and entry.at >= ${around(-1000)} and entry.at <= ${around(1000)}
      and action = any(${sql.param(closingActions)}::text[])
    order by entry.at desc, entry.id desc limit 1`);
  return rows[0] ? readEntry(rows[0], userId) : null;
}

type AuditRow = {
  id: string;
  at: string;
  action: string;
  actor_id: string | null;
  actor_name: string | null;
  address: string | null;
  details: unknown;
};

const auditEntries = sql`
  select entry.id::text as id, ${exactInstant(sql`entry.at`)} as at, action, actor_id, actor.name as actor_name,
    case when actor_id is null then entry.address end as address, details
  from audit_log entry left join users actor on actor.id = entry.actor_id`;

function readEntry(row: AuditRow, userId: string): SeenAuditEntry {
  const details = Object(row.details) as Record<string, unknown>;
  return {
    id: row.id,
    at: new Date(row.at),
    action: row.action,
    actor: readActor(row, userId, asText(details.operator)),
    // The product by itself has a word in its place.
    address: row.address !== null && isIP(row.address) !== 0 ? row.address : null,
    reason: asText(details.reason),
    from: asText(details.from),
    to: asText(details.to),
  };
}

function readActor(
  { actor_id, actor_name }: { actor_id: string | null; actor_name: string | null },
  userId: string,
  operator: string | null,
): AuditActor {
  if (actor_id === userId) return { kind: 'owner' };
  if (actor_id !== null) return { kind: 'person', id: actor_id, name: actor_name };
  return operator === null ? { kind: 'nobody' } : { kind: 'operator', name: operator };
}

/** A row may hold whatever an earlier version wrote. */
function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
