import type { Db } from '@/db/client';
import { endTrustedDevice } from '@/lib/accounts/trusted-devices';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';

/** Stops trusting one browser of this person; one that is not theirs, or over, is left alone. */
export async function endTrust(
  db: Db,
  { userId }: { userId: string },
  deviceId: string,
  context: RequestContext,
): Promise<void> {
  if (!isId(deviceId)) return;
  await db.transaction(async (tx) => {
    if (!(await endTrustedDevice(tx, { userId, deviceId }))) return;
    await recordAudit(tx, { action: 'device_trust_ended', userId }, context);
  });
}
