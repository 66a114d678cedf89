import { sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { maskPhone } from '@/lib/phone/parse';
import { readAdminTimeZone } from './admin-time-zone';

/** Someone proved a number that is another account's second factor, and it is that account's still. */
export type ProtectedProof = {
  /** The line of the verification log, which a release names. */
  id: number;
  at: Date;
  maskedPhone: string;
  holder: { userId: string; name: string; email: string; role: Role };
  /** Null: their account is gone. */
  prover: { name: string; email: string } | null;
};

/** Whoever has not asked for their number by then has another one. */
const toldForDays = 90;

/** What the page of protected numbers shows an admin: the zone of their moments, and the proofs of everyone. */
export async function readProtectedNumbers(
  db: Db,
  adminId: string,
  now: Date,
): Promise<{ timeZone: string; proofs: ProtectedProof[] }> {
  const [timeZone, proofs] = await Promise.all([
    readAdminTimeZone(db, adminId),
    listProtectedProofs(db, { holderUserId: null, now }),
  ]);
  return { timeZone, proofs };
}

/**
 * Reads the proofs that wait for a decision, newest first, the latest of each number: those that concern one holder, or
 * (null) all. Released, given up or proven by its holder once more, a number is not listed any more.
 */
export async function listProtectedProofs(
  db: Db,
  { holderUserId, now }: { holderUserId: string | null; now: Date },
): Promise<ProtectedProof[]> {
  const since = new Date(now.getTime() - toldForDays * 24 * 3600 * 1000).toISOString();
  const { rows } = await db.execute<{
    id: number;
    at_ms: number;
    phone: string;
    holder_id: string;
    holder_name: string;
    holder_email: string;
    holder_role: Role;
    prover_name: string | null;
    prover_email: string | null;
  }>(sql`
    select * from (
      select distinct on (log.phone) log.id::float8 as id, extract(epoch from log.at)::float8 * 1000 as at_ms, log.phone,
        holder.id as holder_id, holder.name as holder_name, holder.email as holder_email, holder.role as holder_role,
        prover.name as prover_name, prover.email as prover_email
      from sms_verification_log log
      join phone_numbers number on number.number = log.phone and number.held_since <= log.at
      join users holder on holder.id = number.holder_user_id and holder.role <> 'applicant'
      left join users prover on prover.id = log.user_id
      where log.reason = 'number_protected' and log.at > ${since}::timestamptz and holder.id is distinct from log.user_id
        ${holderUserId === null ? sql`` : sql`and holder.id = ${holderUserId}`}
      order by log.phone, log.at desc
    ) latest order by at_ms desc`);
  return rows.map((row) => ({
    id: row.id,
    at: new Date(row.at_ms),
    maskedPhone: maskPhone(row.phone),
    holder: { userId: row.holder_id, name: row.holder_name, email: row.holder_email, role: row.holder_role },
    prover: row.prover_email === null ? null : { name: row.prover_name ?? '', email: row.prover_email },
  }));
}
