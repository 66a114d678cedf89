import { eq, inArray, sql } from 'drizzle-orm';
import { users } from '@/db/schema/accounts';
import type { ConsentScope } from '@/db/schema/consent';
import {
  phoneNumbers,
  recoveries,
  signInCodes,
  smsMessages,
  smsPreferences,
  smsVerifications,
} from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { isToOperator, lastActs } from '@/lib/consent/ledger';
import { ofRecovery, ofSignIn, type CodeSource } from '@/lib/sms/verification/challenge';
import type { NumberRow } from '@/lib/sms/numbers/number';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import { soundPreferences, type Preferences } from '@/lib/sms/preferences/preferences';

/** All that the send policy asks about one text, as it was at one moment. */
export type PolicyFacts = {
  message: Message;
  number: NumberRow | null;
  /** Its challenge, its recovery or its second factor, open or not; null for what is no code. */
  challenge: CodeSource | null;
  preferences: Preferences | null;
  /** Of the account it is for; null: there is none any more. */
  emailKey: string | null;
  /** Whether that account's email is proven. */
  emailProven: boolean;
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
export async function readPolicyFacts(
  db: Db | Tx,
  ids: readonly string[],
): Promise<Map<string, PolicyFacts>> {
  const rows = await db
    .select({
      message: smsMessages,
      number: phoneNumbers,
      challenge: smsVerifications,
      recovery: recoveries,
      signIn: signInCodes,
      preferences: smsPreferences,
      emailKey: users.emailKey,
      emailProven: sql<boolean>`${users.emailProvenAt} is not null`,
      deactivated: sql<boolean>`${users.deactivatedAt} is not null`,
      consents: sql<ConsentScope[]>`array(
        select last.scope from ${lastActs(smsMessages.userId, smsMessages.phone)}
        where last.action <> 'withdrawn' and ${isToOperator()})`,
      endedWithNumber: sql<boolean>`exists (
        select from sms_consents c
        where c.user_id = ${smsMessages.userId} and c.phone = ${smsMessages.phone}
          and c.medium = 'number_removed' and c.at >= ${smsMessages.createdAt})`,
    })
    .from(smsMessages)
    .leftJoin(phoneNumbers, eq(phoneNumbers.number, smsMessages.phone))
    .leftJoin(smsVerifications, eq(smsVerifications.id, smsMessages.challengeId))
    .leftJoin(recoveries, eq(recoveries.id, smsMessages.challengeId))
    .leftJoin(signInCodes, eq(signInCodes.id, smsMessages.challengeId))
    .leftJoin(smsPreferences, eq(smsPreferences.userId, smsMessages.userId))
    .leftJoin(users, eq(users.id, smsMessages.userId))
    .where(inArray(smsMessages.id, [...ids]));
  return new Map(
    rows.map(({ recovery, signIn, ...row }) => [
      row.message.id,
      {
        ...row,
        challenge: row.challenge ?? ofRecovery(recovery) ?? ofSignIn(signIn),
        preferences: row.preferences && soundPreferences(row.preferences),
        consents: new Set(row.consents),
      },
    ]),
  );
}
