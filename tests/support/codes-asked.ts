import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { newId } from '@/lib/random';

/** A code that was asked for, and whether it was entered; what else it takes stands in the rows as it does in life. */
export type AskedCode = {
  at: Date;
  phone: string;
  /** A mark of the network; null: asked for from none. */
  network: string | null;
  verified: boolean;
  userId: string;
  sendClass?: string;
  /** Whether the provider took the text. */
  isSent?: boolean;
};

/** Writes down codes that were asked for, with a text each. Out: the ids of the challenges, in the same order. */
export async function giveAskedCodes(db: Db, codes: readonly AskedCode[]): Promise<string[]> {
  const rows = codes.map((code) => ({
    ...{ sendClass: 'prove', isSent: true, ...code },
    id: newId(),
    text: newId(),
    at: code.at.toISOString(),
  }));
  await db.execute(sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
        id uuid, text uuid, at timestamptz, phone text, network text, verified boolean, "userId" uuid, "sendClass" text, "isSent" boolean)
    ), codes as (
      insert into sms_verifications (id, user_id, phone, purpose, send_class, nonce, created_at, last_sent_at, expires_at,
        consumed_at, ended_at, ended_by)
      select id, "userId", phone, 'prove', "sendClass", '\\x00', at, at, at + interval '10 minutes',
        case when verified then at + interval '1 minute' end,
        case when not verified then at + interval '10 minutes' end, case when not verified then 'expired' end
      from given
    )
    insert into sms_messages (id, user_id, phone, purpose, template, challenge_id, send_class, network, created_at, send_after,
      status, sent_at, spend_scopes)
    select text, "userId", phone, 'verification', 'verification', id, "sendClass", network, at, at,
      case when "isSent" then 'sent' else 'failed' end, case when "isSent" then at end, array['all', 'prefix:' || left(phone, -4)]
    from given`);
  return rows.map(({ id }) => id);
}
