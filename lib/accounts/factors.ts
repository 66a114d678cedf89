import { eq, sql } from 'drizzle-orm';
import { users, type Role } from '@/db/schema/accounts';
import { secondFactorGrace } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';

/** The second factors that an account holds. Recovery codes are none: they take the place of one that is lost. */
export type HeldFactors = { passkey: boolean; totp: boolean; sms: boolean };

/**
 * The factors of an account, for a statement that has its row as `users`. Codes by text count only as long as the account
 * holds its number, and never for an admin (docs/decisions/0020). The names are written out, since inside a subquery a bare
 * `id` would be another table's.
 */
export const factorsOfUser = {
  passkey: sql<boolean>`exists (select from passkeys where passkeys.user_id = users.id)`,
  totp: sql<boolean>`exists (
    select from totp_keys where totp_keys.user_id = users.id and totp_keys.confirmed_at is not null)`,
  sms: sql<boolean>`users.sms_factor_since is not null and users.role <> 'admin' and exists (
    select from phone_numbers
    where phone_numbers.number = users.phone and phone_numbers.holder_user_id = users.id)`,
};

/** Which factors an account holds right now; none where it is gone. */
export async function readFactors(db: Db | Tx, userId: string): Promise<HeldFactors> {
  const [held] = await db.select(factorsOfUser).from(users).where(eq(users.id, userId));
  return held ?? { passkey: false, totp: false, sms: false };
}

/**
 * Whether an account does not hold what its role has to (`isEnrolled`), for a statement that has its row as `users`. What is said
 * as several conditions can be joined, kind by kind, however many accounts are asked for.
 */
export const lacksFactor = sql`(users.role <> 'applicant' and not ${factorsOfUser.passkey}
  and not ${factorsOfUser.totp} and not (${factorsOfUser.sms}))`;

/** Whether an account holds what its role has to: applicants nothing, everyone else one factor. */
export function isEnrolled(role: Role, held: HeldFactors): boolean {
  return role === 'applicant' || held.passkey || held.totp || held.sms;
}

/**
 * Whether a right password is followed by a second factor. An applicant's passkey alone asks for none: it is there to sign in
 * without a password, and whoever loses it still has theirs.
 */
export function asksSecondFactor(role: Role, held: HeldFactors): boolean {
  return held.totp || held.sms || (role !== 'applicant' && held.passkey);
}

/** What a session has shown so far of who it is. */
export type ShownFactors = { secondFactorAt: Date | null; byTrustedDevice: boolean };

/**
 * What a session is good for. `open`: all that its person may do. `enroll`: nothing but setting up the second factor that the
 * role has to have. `shut`: nothing, since the account asks for a second factor and this session has shown none, because it
 * was opened before there was one.
 */
export type SessionStanding = 'open' | 'enroll' | 'shut';

/** In: `grace`, whether the people of the role may do without a second factor for now. */
export function sessionStanding(
  role: Role,
  held: HeldFactors,
  shown: ShownFactors,
  grace: boolean,
): SessionStanding {
  const hasShown = shown.secondFactorAt !== null || (shown.byTrustedDevice && role !== 'admin');
  if (asksSecondFactor(role, held) && !hasShown) return 'shut';
  return isEnrolled(role, held) || grace ? 'open' : 'enroll';
}

/** Until when the role of an account may do without a second factor, for a statement that has its row as `users`: admins never. */
export const graceOfUser = sql`(
  select ends_at from second_factor_grace
  where second_factor_grace.role = users.role and second_factor_grace.role <> 'admin')`.mapWith(
  secondFactorGrace.endsAt,
);

/** Whether a role may do without a second factor for now. */
export async function hasGrace(db: Db | Tx, role: Role, now: Date): Promise<boolean> {
  const [grace] = await db.select().from(secondFactorGrace).where(eq(secondFactorGrace.role, role));
  return role !== 'admin' && grace !== undefined && grace.endsAt > now;
}
