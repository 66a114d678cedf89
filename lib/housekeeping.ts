import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { prunePendingTokens } from '@/lib/accounts/pending';
import { pruneLoginGrants, pruneSessions } from '@/lib/accounts/sessions';
import { pruneTrustedDevices } from '@/lib/accounts/trusted-devices';
import { pruneAlarms } from '@/lib/alarms/prune-alarms';
import { pruneApplications } from '@/lib/applications/erase-applications';
import { pruneDrafts } from '@/lib/applications/write-application';
import { eraseOldOrigins, pruneUnknownEmails } from './audit';
import { pruneBulkMoves } from '@/lib/bulk/prune-bulk';
import { expirePending } from '@/lib/auth/ending/expire-pending';
import { pruneSpentChallenges } from '@/lib/auth/two-factor/passkey-challenge';
import { resealTotpKeys } from '@/lib/auth/two-factor/totp';
import { pruneFailures } from '@/lib/auth/two-factor/tries';
import { env, type Retention } from './env';
import { pruneExports } from '@/lib/exports/export-jobs';
import { pruneLimits } from '@/lib/rate-limits/hits';
import { openLog } from './log';
import { pruneLinks } from '@/lib/mail/links';
import { forgetNetworks, hastenMails, pruneMails } from '@/lib/mail/outbox';
import { pruneSpend } from '@/lib/sms/capacity/budget';
import { countEnteredCodes, settleEnteredCodes } from '@/lib/sms/capacity/entered-sums';
import { countCodes, prunePumpingSums } from '@/lib/sms/pumping/count-codes';
import { pruneOrders } from '@/lib/sms/pumping/orders';
import { pruneAttempts, pruneChallenges } from '@/lib/sms/verification/erase-attempts';
import { pruneSignInCodes } from '@/lib/sms/verification/sign-in-code';
import { expireChallenges } from '@/lib/sms/verification/expiry';
import { eraseOldTexts, eraseNumbersOfSent } from './sms/outbox/erase-texts';
import { forgetNumbers } from '@/lib/sms/numbers/forget-numbers';
import { pruneEnteredCodes } from '@/lib/sms/outbox/entered-codes';
import { hastenTexts } from '@/lib/sms/outbox/text-outbox';
import { finishStops } from '@/lib/sms/outbox/opt-out';
import { pruneRecoveries } from '@/lib/sms/verification/recovery';
import { checkLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpMonths } from '@/lib/reporting/rollups/months';
import { rollUpDays, rollUpToday } from '@/lib/reporting/rollups/roll-up';
import { pruneCalls } from '@/lib/sms/webhooks/accepted-calls';
import { pruneRefusals } from '@/lib/sms/webhooks/refused-calls';

const everyMs = 60_000;
/** So many rounds are left out for one that is not over; then it is given up for lost, and the next begins beside it. */
const roundsOfPatience = 10;

/** So many rows in one statement, which is a transaction of its own: nobody waits for it longer than some milliseconds. */
export const batchRows = 1_000;

/** So many batches of one chore in one round, so that a large arrear leaves room for the other chores. */
export const mostBatches = 200;

/** Pieces of files are some hundred KB each, so fewer of them are a batch; that is 5,000 of them a round. */
const batchPieces = 25;

/** An account that ends takes a dozen statements, so fewer of them are a batch, and a round; that is 280,000 a day. */
const batchAccounts = 20;
const mostAccountBatches = 10;

/** Of a STOP, so many accounts are a batch: it holds the number, and so a START from it, for some hundredths of a second. */
const batchAccountsOfStop = 500;

/** Each day of reports is a transaction over all of its texts; a year of them is summed up within minutes. */
const mostDays = 30;

/** What a network asked for is counted over an hour; its mark on mails is kept for twice that. */
const networksKeptMs = 2 * 3600 * 1000;

/** What the pumping guard and admins ordered is looked at for thirty days, and kept for as long again after its end. */
const daysOfOrders = 60;

type Chore = (db: Db, now: Date, limit: number) => Promise<number>;

/**
 * Parts of the ledgers, each some statements over a day. With a million texts a month a part takes two seconds, so pages have the
 * database to themselves for most of each minute; the ten days that are summed up again are through in two.
 */
const mostParts = 5;

/** Each is done by the batch, and looks after itself: one that fails keeps no other from being done. */
type Chores = Record<string, Chore | { run: Chore; limit: number; most: number }>;

/** What ends, goes on and is counted in time, by the clock by which requests go: the database's alone. */
const duties: Chores = {
  finishStops: { run: finishStops, limit: batchAccountsOfStop, most: mostBatches },
  hastenTexts: (db, _now, limit) => hastenTexts(db, limit),
  hastenMails: (db, _now, limit) => hastenMails(db, limit),
  expireChallenges,
  countCodes,
  countEnteredCodes,
  settleEnteredCodes,
};

/** What sums up days, and removes what is old: by our own clock, too. */
const clearances: Chores = {
  prunePumpingSums,
  pruneOrders: (db, now, limit) =>
    pruneOrders(db, new Date(now.getTime() - daysOfOrders * 24 * 3600 * 1000), limit),
  pruneLimits,
  pruneSessions,
  pruneLoginGrants,
  prunePendingTokens,
  pruneTrustedDevices,
  pruneSpentChallenges,
  pruneFailures,
  resealTotpKeys,
  pruneRecoveries,
  pruneSignInCodes,
  pruneEnteredCodes,
  pruneSpend,
  pruneBulkMoves,
  pruneExports: { run: pruneExports, limit: batchPieces, most: mostBatches },
  pruneRefusals,
  pruneCalls,
  expirePending: { run: expirePending, limit: batchAccounts, most: mostAccountBatches },
  // Before days are summed up again, which waits for it.
  checkLedgers: { run: checkLedgers, limit: 1, most: mostParts },
  // Before anything of those days is erased.
  rollUpDays: { run: rollUpDays, limit: mostDays, most: 1 },
  rollUpMonths: { run: rollUpMonths, limit: 1, most: 1 },
  rollUpToday: { run: rollUpToday, limit: 1, most: 1 },
  eraseNumbersOfSent,
  eraseOldTexts: (db, now, limit) =>
    eraseOldTexts(db, { before: daysBefore(now, 'messagesDays'), now }, limit),
  pruneAttempts: (db, now, limit) => pruneAttempts(db, daysBefore(now, 'attemptsDays'), now, limit),
  forgetNumbers,
  pruneChallenges: (db, now, limit) => pruneChallenges(db, daysBefore(now, 'attemptsDays'), limit),
  pruneMails: (db, now, limit) => pruneMails(db, daysBefore(now, 'messagesDays'), limit),
  forgetNetworks: (db, now, limit) => forgetNetworks(db, new Date(now.getTime() - networksKeptMs), limit),
  pruneLinks: (db, now, limit) =>
    pruneLinks(
      db,
      { before: daysBefore(now, 'attemptsDays'), unownedBefore: daysBefore(now, 'pendingDays') },
      limit,
    ),
  pruneDrafts: (db, now, limit) => pruneDrafts(db, daysBefore(now, 'applicationsDays'), limit),
  pruneApplications: (db, now, limit) => pruneApplications(db, daysBefore(now, 'applicationsDays'), limit),
  pruneAlarms: (db, now, limit) => pruneAlarms(db, daysBefore(now, 'attemptsDays'), limit),
  pruneUnknownEmails: (db, now, limit) => pruneUnknownEmails(db, daysBefore(now, 'attemptsDays'), limit),
  eraseOldOrigins: (db, now, limit) => eraseOldOrigins(db, daysBefore(now, 'attemptsDays'), limit),
};

function daysBefore(now: Date, setting: keyof Retention): Date {
  return new Date(now.getTime() - env().retention[setting] * 24 * 3600 * 1000);
}

/**
 * Once a minute, ends what ran out, removes what can never be used again, and erases what is kept no longer. Harmless
 * when several processes do it, and when the database is away: the next round catches up.
 *
 * `stop()` begins no round more and resolves when the one under way is over, which ends with its batch.
 */
export function runHousekeeping(
  timing = { everyMs, roundsOfPatience },
  keep: (now: Date, signal: AbortSignal) => Promise<void> = (now, signal) =>
    keepHouseByBothClocks(db(), now, signal),
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let underWay: Promise<void> | null = null;
  let leftOut = 0;
  const timer = setInterval(() => {
    if (underWay !== null && leftOut < timing.roundsOfPatience) {
      leftOut += 1;
      return;
    }
    leftOut = 0;
    const round = keep(new Date(), stopping.signal).finally(() => {
      if (underWay === round) underWay = null;
    });
    underWay = round;
  }, timing.everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await underWay;
    },
  };
}

/**
 * One round as of the database's clock. What is removed has to be old by `ours`, too, this machine's: so no clock that is wrong
 * empties limits and sums, ends sessions or erases records permanently.
 */
export async function keepHouseByBothClocks(database: Db, ours: Date, signal?: AbortSignal): Promise<void> {
  try {
    const now = await readDatabaseClock(database);
    await keepHouse(database, now, { oldBy: new Date(Math.min(now.getTime(), ours.getTime())), signal });
  } catch (error) {
    openLog().warn('housekeeping_failed', { chore: 'readClock', error });
  }
}

/**
 * One round: every chore until nothing is left to do or `mostBatches` are done; ends between two batches when aborted. What is
 * removed is as old as it has to be at `oldBy`.
 */
export async function keepHouse(
  database: Db,
  now: Date,
  { oldBy = now, signal }: { oldBy?: Date; signal?: AbortSignal } = {},
): Promise<void> {
  await doChores(database, duties, now, signal);
  await doChores(database, clearances, oldBy, signal);
}

async function doChores(
  database: Db,
  chores: Chores,
  now: Date,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [chore, what] of Object.entries(chores)) {
    const { run, limit, most } = 'run' in what ? what : { run: what, limit: batchRows, most: mostBatches };
    try {
      for (let batches = 0; batches < most && !signal?.aborted; batches += 1) {
        // Fewer than asked for: the rest is nothing, or in other hands.
        if ((await run(database, now, limit)) < limit) break;
      }
    } catch (error) {
      openLog().warn('housekeeping_failed', { chore, error });
    }
  }
}
