import { and, desc, eq, gt, lte, sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import { trustedDevices } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { hashToken, isId, newId, newToken } from '@/lib/random';
import { isFarAhead, latestBelieved } from '@/lib/stored-moment';

/** For so long after a second factor a browser that its person trusts is asked for none. */
export const trustMaxAgeSeconds = 30 * 24 * 3600;

/** So many browsers of one account may be trusted at a time. */
const mostDevices = 10;

/** Whether people of a role may trust a browser: admins never. */
export function mayTrustDevices(role: Role): boolean {
  return role !== 'admin';
}

/** Trusts this browser from now on. One more than `mostDevices` ends the one that was used longest ago. Out: the cookie. */
export async function trustDevice(tx: Tx, userId: string, context: RequestContext): Promise<string> {
  const id = newId();
  const token = newToken();
  const { now, address, userAgent } = context;
  await tx.insert(trustedDevices).values({
    id,
    userId,
    tokenHash: hashToken(token),
    createdAt: now,
    lastUsedAt: now,
    expiresAt: new Date(now.getTime() + trustMaxAgeSeconds * 1000),
    address,
    userAgent,
  });
  await tx.execute(sql`
    delete from trusted_devices where user_id = ${userId} and id <> all(array(
      select id from trusted_devices where user_id = ${userId} order by last_used_at desc limit ${mostDevices}))`);
  return `${id}.${token}`;
}

/**
 * Uses the trust in a browser once, whose cookie is another one afterwards. A cookie that was used before is a copy, or the one
 * that was copied: the trust ends. So it does for one sign-in that is sent twice, which then asks for the second factor.
 *
 * In: the cookie as it came, and whose password was just given. Out: the new cookie; null: the browser is not trusted by that
 * account. `replayed`: it was until now.
 */
export async function redeemTrustedDevice(
  tx: Tx,
  { cookie, userId }: { cookie: string | null; userId: string },
  { now }: RequestContext,
): Promise<{ cookie: string } | { cookie: null; replayed: boolean }> {
  const [id = '', token = ''] = (cookie ?? '').slice(0, 200).split('.');
  const none = { cookie: null, replayed: false };
  if (!isId(id) || token === '') return none;
  const isTheirs = and(eq(trustedDevices.id, id), eq(trustedDevices.userId, userId));
  const [device] = await tx.select().from(trustedDevices).where(isTheirs).for('update');
  if (device === undefined || device.expiresAt <= now || isFarAhead(device.createdAt, now)) return none;
  if (!device.tokenHash.equals(hashToken(token))) {
    await tx.delete(trustedDevices).where(isTheirs);
    return { cookie: null, replayed: true };
  }
  const next = newToken();
  await tx
    .update(trustedDevices)
    .set({ tokenHash: hashToken(next), lastUsedAt: now })
    .where(isTheirs);
  return { cookie: `${id}.${next}` };
}

export type TrustedDevice = typeof trustedDevices.$inferSelect;

/** The browsers that a person trusts right now, the last used first. */
export async function listTrustedDevices(db: Db, userId: string, now: Date): Promise<TrustedDevice[]> {
  return db
    .select()
    .from(trustedDevices)
    .where(
      and(
        eq(trustedDevices.userId, userId),
        gt(trustedDevices.expiresAt, now),
        lte(trustedDevices.createdAt, latestBelieved(now)),
      ),
    )
    .orderBy(desc(trustedDevices.lastUsedAt));
}

/** Ends the trust in one browser of a person; false: it is not theirs, or over. */
export async function endTrustedDevice(
  tx: Tx,
  { userId, deviceId }: { userId: string; deviceId: string },
): Promise<boolean> {
  const ended = await tx
    .delete(trustedDevices)
    .where(and(eq(trustedDevices.userId, userId), eq(trustedDevices.id, deviceId)))
    .returning({ id: trustedDevices.id });
  return ended.length > 0;
}

/** Ends the trust in all browsers of a person: something about who they are has changed. */
export async function endTrustedDevices(tx: Tx | Db, userId: string): Promise<void> {
  await tx.delete(trustedDevices).where(eq(trustedDevices.userId, userId));
}

/** Removes what is over, `limit` at most. Out: how many. */
export async function pruneTrustedDevices(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from trusted_devices where id = any(array(
      select id from trusted_devices where expires_at < ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
