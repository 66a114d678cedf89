import { eq, inArray, sql } from 'drizzle-orm';
import { users } from '@/db/schema/accounts';
import type { ConsentScope } from '@/db/schema/consent';
import { phoneNumbers, smsMessages, smsPreferences, smsVerifications } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { isToOperator } from '@/lib/consent/ledger';
import type { Challenge } from '@/lib/sms/verification/challenge';
import type { NumberRow } from '@/lib/sms/numbers/number';
import type { Message } from '@/lib/sms/outbox/outbox';
import { soundPreferences, type Preferences } from '@/lib/sms/preferences/preferences';

/** All that the send policy asks about one text, as it stood at one moment. */
export type PolicyFacts = {
  message: Message;
  number: NumberRow | null;
  /** Its challenge, open or not; null for what is no code. */
  challenge: Challenge | null;
  preferences: Preferences | null;
  /** Of the account it is for; null: there is none any more. */
  emailKey: string | null;
  /** The account it is for was shut. */
  deactivated: boolean;
  /** The scopes that this person consents to at this number, as given to the operator of today. */
  consents: ReadonlySet<ConsentScope>;
  /** Consent ended since the text was wished for, because the person took the number off their account. */
  endedWithNumber: boolean;
};

/**
 * Reads the texts with these ids and what the send policy asks about them: one statement, however many there are. Texts that are
 * gone are left out.
 */
export async function readPolicyFacts(db: Db, ids: readonly string[]): Promise<Map<string, PolicyFacts>> {
  const rows = await db
    .select({
      message: smsMessages,
      number: phoneNumbers,
      challenge: smsVerifications,
      preferences: smsPreferences,
      emailKey: users.emailKey,
      deactivated: sql<boolean>`${users.deactivatedAt} is not null`,
      consents: sql<ConsentScope[]>`array(
        select last.scope from (
          select distinct on (c.scope) c.* from sms_consents c
          where c.user_id = ${smsMessages.userId} and c.phone = ${smsMessages.phone}
          order by c.scope, c.id desc
        ) last where last.action <> 'withdrawn' and ${isToOperator()})`,
      endedWithNumber: sql<boolean>`exists (
        select from sms_consents c
        where c.user_id = ${smsMessages.userId} and c.phone = ${smsMessages.phone}
          and c.medium = 'number_removed' and c.at >= ${smsMessages.createdAt})`,
    })
    .from(smsMessages)
    .leftJoin(phoneNumbers, eq(phoneNumbers.number, smsMessages.phone))
    .leftJoin(smsVerifications, eq(smsVerifications.id, smsMessages.challengeId))
    .leftJoin(smsPreferences, eq(smsPreferences.userId, smsMessages.userId))
    .leftJoin(users, eq(users.id, smsMessages.userId))
    .where(inArray(smsMessages.id, [...ids]));
  return new Map(
    rows.map((row) => [
      row.message.id,
      {
        ...row,
        preferences: row.preferences && soundPreferences(row.preferences),
        consents: new Set(row.consents),
      },
    ]),
  );
}
