import { sql } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Notes that an order caught a person, once for each: whether their code went out all the same, or was refused. */
export async function noteHit(
  tx: Tx,
  { orderId, userId }: { orderId: string; userId: string },
  now: Date,
): Promise<void> {
  // An order that is removed at this instant is of no interest any more.
  await tx.execute(sql`
    insert into pumping_hits (order_id, user_id, at)
    select id, ${userId}, ${timestamp(now)} from pumping_orders where id = ${orderId} for key share
    on conflict (order_id, user_id) do nothing`);
}
