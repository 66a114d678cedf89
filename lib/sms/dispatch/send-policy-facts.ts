import { eq, getTableColumns, sql } from 'drizzle-orm';
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
  // To plan it takes ten times as long as to run it. So it is one text for lists of every length, and the planner does not see how
  // long this one is: it would make a plan for each.
  const those = sql`(select ${sql.param([...ids])}::uuid[])::uuid[]`;
  const rows = await selectFacts(db).where(sql`${smsMessages.id} = any(${those})`);
  return new Map(rows.map((row) => [row.message.id, toFacts(row)]));
}

/** A text that nobody has written down: what its row would say. */
export type ImaginedText = Pick<Message, 'id' | 'userId' | 'phone' | 'purpose' | 'template' | 'createdAt'> &
  Partial<Message>;

/** Reads the same about texts that are only imagined, in their order: one statement. They have no challenge. */
export async function readImaginedFacts(db: Db, texts: readonly ImaginedText[]): Promise<PolicyFacts[]> {
  const columns = Object.entries(getTableColumns(smsMessages));
  const rows = texts.map((text) => {
    const message: Partial<Message> = { ...ofEveryNewText, sendAfter: text.createdAt, ...text };
    return Object.fromEntries(
      columns.map(([key, { name }]) => [name, message[key as keyof Message] ?? null]),
    );
  });
  // By the name of the table, so that everything is asked as it is about a text that is there.
  const imagined = db
    .$with('sms_messages', getTableColumns(smsMessages))
    .as(sql`select * from jsonb_populate_recordset(null::sms_messages, ${JSON.stringify(rows)}::jsonb)`);
  const facts = await selectFacts(db.with(imagined));
  const byId = new Map(facts.map((row) => [row.message.id, toFacts(row)]));
  return texts.flatMap(({ id }) => byId.get(id) ?? []);
}

const ofEveryNewText = {
  ...{ direction: 'out', status: 'queued', params: {} },
  ...{ attempts: 0, faults: 0, retries: 0, lookUps: 0 },
} as const satisfies Partial<Message>;

function selectFacts(db: Pick<Db, 'select'>) {
  return db
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
    .leftJoin(users, eq(users.id, smsMessages.userId));
}

function toFacts({ recovery, signIn, ...row }: Awaited<ReturnType<typeof selectFacts>>[number]): PolicyFacts {
  return {
    ...row,
    challenge: row.challenge ?? ofRecovery(recovery) ?? (signIn && ofSignIn(signIn)),
    preferences: row.preferences && soundPreferences(row.preferences),
    consents: new Set(row.consents),
  };
}
