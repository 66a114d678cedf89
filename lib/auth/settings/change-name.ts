import type { Db } from '@/db/client';
import { lockUser } from '@/lib/accounts/lock-users';
import { setName } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';

/** Gives a person the name that they ask for. Nothing is written where it is theirs already. */
export async function changeName(
  db: Db,
  userId: string,
  name: string,
  context: RequestContext,
): Promise<void> {
  await db.transaction(async (tx) => {
    const user = await lockUser(tx, userId);
    if (user === null || user.name === name) return;
    await setName(tx, userId, name);
    await recordAudit(tx, { action: 'name_changed', userId }, context);
  });
}
