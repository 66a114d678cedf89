import type { Db, Tx } from '@/db/client';
import { loginGrants } from '@/db/schema/accounts';
import { timestamp } from '@/db/timestamp';
import { newToken, hashToken } from '@/lib/random';
import { eq, sql } from 'drizzle-orm';

/**
 * Opens a pending account, ends its pending tokens and mints a login grant: one statement.
 *
 * Out: the grant, or null when the account is already active, shut, or must hold a second factor first and so never
 * opens by this way (`applicantsOnly`).
 */
export async function activateAccount(
  tx: Tx,
  { userId, applicantsOnly = false, now }: { userId: string; applicantsOnly?: boolean; now: Date },
): Promise<{ grant: string } | null> {
  const grant = newToken();
  const at = timestamp(now);
  const { rows } = await tx.execute(sql`
    with activated as (
      update users set activated_at = ${at}
      where id = ${userId} and activated_at is null and deactivated_at is null
        and (role = 'applicant' or not ${applicantsOnly}::boolean)
      returning id
    ), ended as (
      delete from pending_tokens using activated where user_id = activated.id
    )
    insert into login_grants (token_hash, user_id, expires_at)
    select ${hashToken(grant)}, id, ${at} + make_interval(secs => ${grantTtlSeconds}) from activated
    returning 1`);
  return rows.length > 0 ? { grant } : null;
}

/** What the session of a grant is to hold besides its person. */
export type GrantShows = { secondFactorAt?: Date; byTrustedDevice?: boolean; enrollUntil?: Date };

/** A login grant for an active account: single use, 60 seconds. `shows`: what its session has shown of who it is. */
export async function mintLoginGrant(
  tx: Tx | Db,
  userId: string,
  now: Date,
  shows: GrantShows = {},
): Promise<{ grant: string }> {
  const grant = newToken();
  const expiresAt = new Date(now.getTime() + grantTtlSeconds * 1000);
  await tx.insert(loginGrants).values({ tokenHash: hashToken(grant), userId, expiresAt, ...shows });
  return { grant };
}

/**
 * Ends every login grant of a person: what a checked password minted before does not open a session any more. Out: how many
 * there were.
 */
export async function endLoginGrants(tx: Tx | Db, userId: string): Promise<number> {
  const { rowCount } = await tx.delete(loginGrants).where(eq(loginGrants.userId, userId));
  return rowCount ?? 0;
}

/** A grant lives as long as a redirect takes. */
export const grantTtlSeconds = 60;
