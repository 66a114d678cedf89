import { and, eq, inArray, isNotNull, sql, type SQL } from 'drizzle-orm';
import { recoveries } from '@/db/schema/sms';
import { db as openDb, type Db, type Tx } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import { readFactors, type HeldFactors } from '@/lib/accounts/factors';
import { findUserByEmail, type User } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { env as readEnv } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog, type Log } from '@/lib/log';
import { isMailOn } from '@/lib/mail/outbox';
import { listenToOutbox, makeWake } from '@/lib/outbox-listener';
import { limits } from '@/lib/rate-limits/limits';
import { runRounds, type Rounds } from '@/lib/rounds';
import { countsStill } from '@/lib/stored-moment';
import { markAddress, markNetwork } from '@/lib/sms/capacity/asked-from';
import { readRoomForRecoveries, findPlace } from '@/lib/sms/capacity/send-order';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import {
  lockNumber,
  readFailures,
  readUndeliverable,
  takeSend,
  type NumberRow,
} from '@/lib/sms/numbers/number';
import { isCodeInLine } from '@/lib/sms/outbox/due-texts';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { logVerification } from './verification-log';
import { agreedToCodes } from './prover';
import { recoveryChannel, sendClassOf, type Recovery } from './recovery';
import { openRecoveryTurns, pickInTurns, type RecoveryTurns } from './recovery-turns';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';
import { senderOfCodes } from '@/lib/sms/senders/sender';

/** A number that was proven longer ago may be someone else's by now: carriers give numbers away after 45 to 90 days. */
export const provenWithinDays = 90;

/** Of so many that were asked for first, and of as many that were asked for last, it is known whose turn it is. */
const mostOfAnEnd = 2_000;

/** So many are looked at before the clock is read again. */
const atOnce = 50;

/** Of which so many side by side: each takes a connection of the pool, and may wait for a number that someone holds. */
const sideBySide = 4;

/** A number that is in other hands for longer is asked for again later. */
const lockWithinMs = 200;

/** What web servers take for now may be so far from what we do. */
const clockSlackMs = 1_000;

/** No turn is further ahead; one that is was written by a clock that was set back since, and has come. */
const furthestAheadMs = 60_000;

/** Without a notification, new work is found this soon; what failed is tried again, after as long. */
const pollMs = 5_000;

/**
 * Sends the codes that browsers asked for to choose a new password, until stopped; nothing where mail is on, since a link goes
 * out then. Any number of processes may run it at the same time. `stop()` resolves when what is in hand is done.
 */
export function runRecoveries({ db, log }: { db?: Db; log?: (line: string) => void } = {}): Rounds {
  if (isMailOn()) return { stop: async () => undefined };
  const { databaseUrl, logLevel } = readEnv();
  const lines = openLog({ level: logLevel, write: log });
  const wake = makeWake();
  const stopping = new AbortController();
  const { signal } = stopping;
  const listening = listenToOutbox(databaseUrl, {
    channel: recoveryChannel,
    wake: wake.ring,
    log: lines,
    signal,
  });
  const turns = openRecoveryTurns();
  const rounds = runRounds(
    async () => ((await sendRecoveryCodes(db ?? openDb(), databaseNow(), lines, turns)) > 0 ? 0 : pollMs),
    // What was asked for is in its row.
    {
      everyMs: pollMs,
      onFault: (error) => lines.warn('recovery_round_failed', { error }),
      wait: wake.wait,
    },
  );
  return {
    stop: async () => {
      stopping.abort();
      const ended = rounds.stop();
      wake.ring();
      await Promise.all([listening, ended]);
    },
  };
}

/**
 * Looks at what browsers asked for and sends a code where one may go. One that fails, or whose number someone holds just now, goes
 * behind those that were asked for meanwhile, and keeps nobody's waiting. While many such codes wait for the sender already, the others
 * wait here, go in turns by where they were asked for (`pickInTurns`), and nobody is told (`readRoomForRecoveries`). Those that were
 * asked for in a browser that the account knows go before them, and need no room: they are no strangers' codes. Out: how many were looked
 * at.
 *
 * @param turns whose turn it was before, of this process
 */
export async function sendRecoveryCodes(
  db: Db,
  now: Date,
  log: Log,
  turns: RecoveryTurns = openRecoveryTurns(),
): Promise<number> {
  const settings = readEnv();
  const room = await readRoomForRecoveries(db, senderOfCodes(settings).messagesPerSecond);
  const waiting = await readWaiting(db, now);
  const known = waiting.filter(({ inKnownBrowser }) => inKnownBrowser).map(({ id }) => id);
  const inTurns = pickInTurns(
    waiting.filter(({ inKnownBrowser }) => !inKnownBrowser),
    {
      places: Math.min(atOnce, room.places),
      roomOf: (network) => room.of(markNetwork(settings.authSecrets[0], network)),
    },
    turns,
  );
  const picked = [...known.slice(0, atOnce), ...inTurns];
  if (picked.length === 0) return 0;
  const asked = await db.select().from(recoveries).where(inArray(recoveries.id, picked));
  const inTurn = fewAtOnce(sideBySide);
  await Promise.all(
    asked.map((recovery) =>
      inTurn(() =>
        sendOne(db, recovery, now).catch(async (error: unknown) => {
          log.warn('recovery_code_failed', { recovery: recovery.id, error });
          await putOff(db, recovery.id, new Date(now.getTime() + pollMs));
        }),
      ),
    ),
  );
  return picked.length;
}

/**
 * Where those were asked for that wait: the first and the last of them, so that someone who has just asked is among them, whatever crowd
 * waits already; and the first in browsers that the accounts know.
 */
async function readWaiting(
  db: Db,
  now: Date,
): Promise<{ id: string; address: string; inKnownBrowser: boolean }[]> {
  const after = (ms: number) => timestamp(new Date(now.getTime() + ms));
  // None lives longer than a code: what says so is broken.
  const isWaiting = sql`(asked_at <= ${after(clockSlackMs)} or asked_at > ${after(furthestAheadMs)})
    and expires_at > ${after(0)} and expires_at <= ${after(2 * limits.codeTtlSeconds * 1000)}`;
  const some = (order: SQL, which = sql`true`) => sql`(
    select id, address, in_known_browser, asked_at from recoveries where ${isWaiting} and ${which} order by ${order} limit ${mostOfAnEnd})`;
  const { rows } = await db.execute<{ id: string; address: string; in_known_browser: boolean }>(sql`
    select id, address, in_known_browser from (
      ${some(sql`asked_at`)} union ${some(sql`asked_at desc`)} union ${some(sql`asked_at`, sql`in_known_browser`)}
    ) waiting order by asked_at, id`);
  return rows.map(({ id, address, in_known_browser }) => ({ id, address, inKnownBrowser: in_known_browser }));
}

/** Has one looked at again later, unless it was settled meanwhile. */
async function putOff(db: Db, id: string, until: Date): Promise<void> {
  await db
    .update(recoveries)
    .set({ askedAt: until })
    .where(and(eq(recoveries.id, id), isNotNull(recoveries.askedAt)));
}

async function sendOne(db: Db, recovery: Recovery, now: Date): Promise<void> {
  const context = { now, address: recovery.address, userAgent: recovery.userAgent };
  await db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('lock_timeout', ${`${lockWithinMs}ms`}, true)`);
    const found = await findUserByEmail(tx, recovery.email);
    const number = found?.phone ? await lockNumber(tx, found.phone) : null;
    // Read again under the lock, since someone may have proven the number, or changed it, meanwhile.
    const user = number === null ? null : await findUserByEmail(tx, recovery.email);
    const isMine =
      user !== null && number !== null && mayRecoverByText(user, number, await readFactors(tx, user.id), now);
    const to = isMine && (await agreedToCodes(tx, { userId: user.id, phone: number.number })) ? user : null;
    const claimed = await tx
      .update(recoveries)
      .set({ askedAt: null, userId: to?.id ?? null, phone: to === null ? null : number!.number })
      .where(and(eq(recoveries.id, recovery.id), isNotNull(recoveries.askedAt)))
      .returning({ id: recoveries.id });
    // None: another process has settled it.
    if (claimed.length > 0 && to !== null)
      await sendCodeOf(tx, recovery, { user: to, number: number! }, context);
  });
}

/**
 * Whether whoever has the phone may choose a new password for an account: an applicant's, that is open, whose number was
 * proven within 90 days, has not moved to someone else since nor is in doubt, takes texts, and is no second factor (`held`).
 */
export function mayRecoverByText(user: User, number: NumberRow, held: HeldFactors, now: Date): boolean {
  return (
    user.role === 'applicant' &&
    user.activatedAt !== null &&
    user.deactivatedAt === null &&
    number.number === user.phone &&
    number.holderUserId === user.id &&
    number.heldSince !== null &&
    countsStill(number.heldSince, provenWithinDays * 24 * 3600 * 1000, now) &&
    !isOptedOut(number, 'verification') &&
    // It alone opens the account, so whoever has it now must be its owner.
    readDoubt(number) === null &&
    // One number is never both the way to a new password and a second factor, whatever other factors there are: it would open
    // the account by itself.
    !held.sms
  );
}

/** Counts the send in the class of the recovery and writes the text into the outbox; a refusal is logged, and nobody is told. */
async function sendCodeOf(
  tx: Tx,
  recovery: Recovery,
  { user, number }: { user: User; number: NumberRow },
  context: RequestContext,
): Promise<void> {
  const { now } = context;
  const settings = readEnv();
  const { appUrl, authSecrets } = settings;
  const { id: userId } = user;
  const phone = number.number;
  const askedFrom = markAddress(authSecrets[0], recovery.address);
  const about = { userId, phone, challengeId: recovery.id, network: askedFrom.network };
  const refuse = (reason: string) => logVerification(tx, 'send_refused', { ...about, reason }, context);
  const sendClass = sendClassOf(recovery);
  if (readFailures(number, sendClass, now).retryAt !== null) return refuse('number_locked');
  if (readUndeliverable(number, now) !== null) return refuse('undeliverable');
  if (await isCodeInLine(tx, recovery.id, now)) return;
  const send = await takeSend(tx, number, sendClass, now);
  if (!send.ok) return refuse('send_limit');
  const { wideTurns, prefixTurns } = await findPlace(tx, {
    sendClass,
    phone,
    askedFrom,
    ...senderOfCodes(settings),
    now,
  });
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'verification',
    template: 'verification',
    params: { host: appUrl.hostname, use: 'recovery' },
    challengeId: recovery.id,
    countedAt: send.countedAt,
    sendClass,
    ...askedFrom,
    wideTurns,
    prefixTurns,
    sendAfter: now,
    expiresAt: recovery.expiresAt,
    now,
  });
  await logVerification(tx, 'send_requested', { ...about, reason: 'recovery' }, context);
}
