import { desc, eq } from 'drizzle-orm';
import { smsOptOuts, type ConsentScope, type OptOutChannel, type OptOutRecorder } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';

/** How an opt-out, or its lifting, reached us: what a row of the ledger keeps as evidence. */
export type OptOutEvidence = {
  recordedBy: OptOutRecorder;
  /** Our number or service that it was said to, or that the carrier blocks; null: said on a page. */
  sender: string | null;
  /** What the person wrote, codes hidden; null: nothing was written. */
  words: string | null;
  /** The provider's id of that text, or of the one of ours that was refused. */
  providerSid: string | null;
};

const channels: Record<OptOutRecorder, OptOutChannel> = {
  inbound_webhook: 'text',
  inbound_list: 'text',
  status_report: 'carrier',
  person: 'web',
};

const longestWords = 1_600;

/**
 * Appends to the ledger of opt-outs that texts to a number are not wanted any more, or again. Every time it is said, also when
 * it was said before, and whether or not anybody ever consented at that number.
 *
 * @param covers what is not wanted: both scopes, or updates alone
 */
export async function recordOptOut(
  tx: Tx,
  {
    phone,
    act,
    covers,
    evidence,
    userId = null,
    at,
  }: {
    phone: string;
    act: 'opted_out' | 'lifted';
    covers: readonly ConsentScope[];
    evidence: OptOutEvidence;
    userId?: string | null;
    at: Date;
  },
): Promise<void> {
  await tx.insert(smsOptOuts).values({
    at,
    phone,
    act,
    channel: channels[evidence.recordedBy],
    covers: [...covers],
    ...evidence,
    words: evidence.words?.slice(0, longestWords) ?? null,
    userId,
  });
}

/** The last that was said about texts to this number; null: nothing ever was. */
export async function readLastOptOut(
  db: Db,
  phone: string,
): Promise<Pick<typeof smsOptOuts.$inferSelect, 'at' | 'act' | 'channel' | 'words'> | null> {
  const [row] = await db
    .select({ at: smsOptOuts.at, act: smsOptOuts.act, channel: smsOptOuts.channel, words: smsOptOuts.words })
    .from(smsOptOuts)
    .where(eq(smsOptOuts.phone, phone))
    .orderBy(desc(smsOptOuts.id))
    .limit(1);
  return row ?? null;
}
