import { eq, sql } from 'drizzle-orm';
import { users } from '@/db/schema/accounts';
import { passkeys, totpKeys } from '@/db/schema/two-factor';
import type { Db } from '@/db/client';
import { factorsOfUser, isEnrolled } from '@/lib/accounts/factors';

/** What an admin sees of someone's second factors; null where they hold none of the kind. */
export type SeenFactors = {
  passkeys: { count: number; since: Date; lastUsedAt: Date | null } | null;
  authenticatorApp: { since: Date; lastUsedAt: Date | null } | null;
  codesByText: { since: Date } | null;
  /** Of the ten that were made. */
  recoveryCodesLeft: number | null;
  /** The role asks for a factor that is not there. */
  isLacking: boolean;
};

const ofPasskeys = (value: string) =>
  sql`(select ${sql.raw(value)} from passkeys where passkeys.user_id = users.id)`;
const ofApp = (value: string) =>
  sql`(select ${sql.raw(value)} from totp_keys where totp_keys.user_id = users.id and confirmed_at is not null)`;

/** Reads it in one statement; null: there is no such account. */
export async function readSeenFactors(db: Db, userId: string): Promise<SeenFactors | null> {
  const [row] = await db
    .select({
      role: users.role,
      held: factorsOfUser,
      passkeyCount: ofPasskeys('count(*)::int').mapWith(Number),
      passkeysSince: ofPasskeys('min(created_at)').mapWith(passkeys.createdAt),
      passkeysUsedAt: ofPasskeys('max(last_used_at)').mapWith(passkeys.lastUsedAt),
      appSince: ofApp('confirmed_at').mapWith(totpKeys.confirmedAt),
      appUsedAt: ofApp('last_used_at').mapWith(totpKeys.lastUsedAt),
      smsSince: users.smsFactorSince,
      codesLeft: sql<number | null>`(
        select (select count(*)::int from recovery_codes where set_id = sets.id and used_at is null)
        from recovery_code_sets sets where sets.user_id = users.id and sets.confirmed_at is not null)`,
    })
    .from(users)
    .where(eq(users.id, userId));
  if (row === undefined) return null;
  const { held, role, smsSince } = row;
  return {
    passkeys: held.passkey
      ? { count: row.passkeyCount, since: row.passkeysSince, lastUsedAt: row.passkeysUsedAt }
      : null,
    authenticatorApp: held.totp ? { since: row.appSince!, lastUsedAt: row.appUsedAt } : null,
    codesByText: held.sms && smsSince !== null ? { since: smsSince } : null,
    recoveryCodesLeft: row.codesLeft,
    isLacking: !isEnrolled(role, held),
  };
}
