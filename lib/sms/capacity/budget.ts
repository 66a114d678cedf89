import { createHmac } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import type { SendClass } from '@/db/schema/sms';
import type { SenderRole } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import { deriveKey } from '@/lib/keys';
import { countBeside, enteredScopeOf, givenBackOnceEntered } from './entered-sums';

/** What may be spent in any 24 hours, in millionths of a dollar. */
export type Budget = { perUserMicros: number; totalMicros: number };

/**
 * Which cap a text did not fit: a setting, what of the budget for everyone is not kept for the most urgent texts, what single updates,
 * or texts of many that were wished for at once, leave besides, or a share of it that strangers' codes may take.
 */
export type BudgetRule =
  | 'SMS_DAILY_BUDGET_USD'
  | 'SMS_DAILY_BUDGET_PER_USER_USD'
  | 'all_but_kept'
  | 'share_of_updates'
  | 'share_of_many'
  | 'strangers_share'
  | 'wide_network_share'
  | 'network_share'
  | 'prefix_share';

/** At most `limitMicros` in any `hours`, rounded up to the minute; null: no limit for this text, which is counted for others'. */
type Cap = {
  rule: BudgetRule;
  /** What a text is counted under. */
  scope: string;
  /** What else was counted under it: its marks under the other secrets of AUTH_SECRET. */
  otherScopes?: readonly string[];
  /** What counts for a tenth only (lib/sms/capacity/entered-sums.ts). */
  enteredScope?: string;
  hours: number;
  limitMicros: bigint | null;
  /** What all like it have together: the more of that is spent, the less each of them may have (`atPresent`). */
  shares?: { scope: string; limitMicros: bigint };
};

type Limit = Cap & { limitMicros: bigint };

const isLimit = (cap: Cap): cap is Limit => cap.limitMicros !== null;

/** A text that a dispatcher has claimed and wants to send. */
export type WantedSpend = {
  messageId: string;
  priceMicros: number;
  segments: number;
  caps: readonly Cap[];
};

export type BudgetRefusal = {
  ok: false;
  reason: 'budget';
  rule: BudgetRule;
  priceMicros: bigint;
  spentMicros: bigint;
  limitMicros: bigint;
  /** When this text would fit, if nothing else is sent; null: it is dearer than the cap itself. */
  retryAt: Date | null;
};

/** `lost`: not in this dispatcher's hands alone, or its number has opted out since the send policy was asked. */
export type SpendAnswer = { ok: true } | BudgetRefusal | { ok: false; reason: 'lost' };

/** Any constant will do, as long as every process that reserves uses the same. */
const budgetLockKey = 7_316_004_253;

/**
 * Whoever waits for it gets it when those before are done, unlike a row that someone holds. So it is waited for longer than other
 * locks: where many dispatchers reserve and the database is slow, giving up would put off all texts of a claim.
 */
const budgetLockWaitMs = 3_000;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayHours = 24;

const everyone = { scope: 'all', hours: dayHours };

/** Sums of minutes older than this are of no use to any cap. */
const keptHours = 25;

/**
 * Strangers' codes cannot take this part of the budget for everyone: it is left to people whose number is proven, to
 * second factors and to updates.
 */
const keptFromStrangers = { of: 10n, parts: 3n };

/**
 * One part in so many of the budget for everyone is kept for codes by which people get into their accounts, and for notices about
 * those: codes that prove a new number, and everything else, stop short of it.
 */
const keptForAccess = 10n;

/** A day of many updates leaves this part: what is kept for access, and a tenth for codes that prove a number. */
const leftByUpdates = { of: 10n, parts: 2n };

/**
 * Ten thousand texts of a bulk move would take in minutes what new people need for their codes in a day. So they leave this part of the
 * budget: what is kept for access, and three tenths for codes that prove a number.
 */
const leftByMany = { of: 10n, parts: 4n };

/** Notices about what may happen many times a day leave this part of the cap of notices to those by which someone takes an account. */
const leftByEveryday = { of: 10n, parts: 4n };

const classesOfAccess: readonly (string | null)[] = [
  'sign_in',
  'prove_again',
  'recover',
] satisfies SendClass[];

/**
 * Theirs is released by the hour: three hours' worth may be taken at once, and what else there is comes evenly over the
 * day. So nobody empties it in an hour, and there is always some to come.
 */
const strangersHoursAtOnce = 3n;

/** One network, and one number prefix, may take so much of a day: one twentieth. */
const shareOfOneSource = 20n;

/** Of a prefix's share, one network takes no more than one in so many. */
const networksOfAPrefix = 3n;

/** A share is never so small that it lets less than this many of the codes at hand through. */
const fewestCodesOfAShare = 5n;

/** The parts of the budget for everyone, in millionths of a dollar; codes at hand may widen those of one source a little. */
export function shareBudget(totalMicros: bigint): {
  /** What codes for new numbers, and everything else, leave to what is most urgent. */
  keptMicros: bigint;
  /** Up to where single updates may fill the budget: the rest is left to codes. */
  updatesMicros: bigint;
  /** What codes may take that strangers ask for. */
  strangersMicros: bigint;
  /** Of this, what one wide network takes if nobody else asks; the more others have, the less. */
  ofOneWideNetworkMicros: bigint;
  /** Up to where texts of many that were wished for at once may fill the budget: the rest is left to the codes of new people. */
  ofManyMicros: bigint;
  /** Of what strangers may take, what one network may, and what one number prefix may. */
  ofOneSourceMicros: bigint;
  /** What one network may take of a prefix. */
  ofOneNetworkAndPrefixMicros: bigint;
} {
  const strangersMicros = totalMicros - (totalMicros * keptFromStrangers.parts) / keptFromStrangers.of;
  return {
    keptMicros: totalMicros / keptForAccess,
    updatesMicros: totalMicros - (totalMicros * leftByUpdates.parts) / leftByUpdates.of,
    strangersMicros,
    ofOneWideNetworkMicros: mostOfShared(strangersMicros),
    ofManyMicros: totalMicros - (totalMicros * leftByMany.parts) / leftByMany.of,
    ofOneSourceMicros: totalMicros / shareOfOneSource,
    ofOneNetworkAndPrefixMicros: totalMicros / shareOfOneSource / networksOfAPrefix,
  };
}

/** Whose cap it is. */
type PayerKind =
  'person' | 'email' | 'proven-email' | 'factor' | 'recovery' | 'notice' | 'notice-number' | 'holder';

/** A mark by which a cap knows a payer again: keyed, so that the tables hold neither addresses nor emails. */
export function spendMark(
  secret: string,
  kind: PayerKind | 'network' | 'wide-network',
  whose: string,
): string {
  const mac = createHmac('sha256', deriveKey(secret, 'spend-mark/v1')).update(`${kind}\0${whose}`);
  return `${kind}:${mac.digest().subarray(0, 16).toString('base64url')}`;
}

/** The number less its last four digits: ten thousand numbers that one owner may hold. */
export function prefixOf(phone: string): string {
  return phone.slice(0, -4);
}

/**
 * The caps that a text has to fit, the one for everyone first. A person's cap is kept by account and by email, so that a
 * new account with the same email starts no new one; by number only for what goes to its proven holder, since strangers would
 * spend theirs. For the same
 * reason a proven email has a sum of its own, which nobody spends who only types that address; what it spends counts for them too,
 * so that an account which is deleted and registered again starts no new cap. Codes of
 * a second factor, those to choose a new password, and notices about an account's security have a cap of their own each: whoever
 * has a password cannot spend with codes what its owner's warning needs, nor with notices of lesser changes all of it. Notices have one for the number besides. A code that someone who does not hold the
 * number asked for, or that anyone may ask for who knows an email, counts besides against the strangers' share, its network's, its wide
 * network's and its prefix's.
 */
export function capsOf(
  text: {
    userId: string;
    emailKey: string;
    /** Whether the account has proven that the email is its own. */
    emailProven: boolean;
    phone: string;
    purpose: string;
    sendClass: SendClass | null;
    network: string | null;
    wideNetwork: string | null;
    source?: string | null;
    /** Of notices: it tells of something that may happen many times a day. */
    isEveryday?: boolean;
    priceMicros: number;
  },
  budget: Budget,
  secrets: readonly [string, ...string[]],
): Cap[] {
  const total = BigInt(budget.totalMicros);
  const shares = shareBudget(total);
  const perUser = BigInt(budget.perUserMicros);
  const isNotice = text.purpose === 'notice';
  const shareOf = (): Pick<Limit, 'rule' | 'limitMicros'> => {
    if (isNotice || classesOfAccess.includes(text.sendClass)) {
      return { rule: 'SMS_DAILY_BUDGET_USD', limitMicros: total };
    }
    if (text.source != null) return { rule: 'share_of_many', limitMicros: shares.ofManyMicros };
    if (text.purpose === 'update') return { rule: 'share_of_updates', limitMicros: shares.updatesMicros };
    return { rule: 'all_but_kept', limitMicros: total - shares.keptMicros };
  };
  const caps: Cap[] = [{ ...everyone, ...shareOf() }];
  const own = { rule: 'SMS_DAILY_BUDGET_PER_USER_USD', hours: dayHours, limitMicros: perUser } as const;
  const marked = (kind: PayerKind, whose: string) => {
    const [scope, ...otherScopes] = secrets.map((secret) => spendMark(secret, kind, whose));
    return { scope: scope!, otherScopes };
  };
  if (text.sendClass === 'sign_in') return [...caps, { ...own, ...marked('factor', text.userId) }];
  if (isNotice) {
    const ofEveryday = perUser - (perUser * leftByEveryday.parts) / leftByEveryday.of;
    // A cap that is too small to be shared is for whoever comes first.
    const isShared = text.isEveryday === true && ofEveryday >= BigInt(text.priceMicros);
    const limitMicros = isShared ? ofEveryday : perUser;
    // They go to a number that the account has proven, so no stranger spends this; one phone does not get those of many accounts.
    return [
      ...caps,
      { ...own, limitMicros, ...marked('notice', text.userId) },
      { ...own, limitMicros, ...marked('notice-number', text.phone) },
    ];
  }
  if (text.sendClass === 'recover') caps.push({ ...own, ...marked('recovery', text.userId) });
  else {
    caps.push({ ...own, ...marked('person', text.userId) });
    const email = { ...own, ...marked('email', text.emailKey) };
    if (text.emailProven) {
      caps.push({ ...own, ...marked('proven-email', text.emailKey) }, { ...email, limitMicros: null });
    } else caps.push(email);
  }
  if (text.purpose !== 'verification' || text.sendClass === 'prove_again') {
    // Nobody but the number's holder causes these: so one phone does not pay for one account after the other.
    caps.push({ ...own, ...marked('holder', text.phone) });
    return caps;
  }

  const fewest = fewestCodesOfAShare * BigInt(text.priceMicros);
  const atLeastAFew = (micros: bigint) => (micros > fewest ? micros : fewest);
  const ofStrangers = releaseByHour(shares.strangersMicros, atLeastAFew);
  caps.push(...ofStrangers.map((cap) => ({ ...cap, rule: 'strangers_share', scope: 'strangers' }) as const));
  if (text.wideNetwork !== null) {
    const { wideNetwork: scope } = text;
    caps.push(
      ...ofStrangers.map(({ hours, limitMicros }) => {
        const ofAll = { scope: 'strangers', limitMicros };
        const most = mostOfShared(limitMicros);
        const enteredScope = enteredScopeOf(scope);
        return {
          rule: 'wide_network_share',
          scope,
          enteredScope,
          hours,
          limitMicros: most,
          shares: ofAll,
        } as const;
      }),
    );
  }
  const ofOne = atLeastAFew(shares.ofOneSourceMicros);
  if (text.network !== null) {
    caps.push({ rule: 'network_share', scope: text.network, hours: dayHours, limitMicros: ofOne });
  }
  const prefix = `prefix:${prefixOf(text.phone)}`;
  caps.push({ rule: 'prefix_share', scope: prefix, hours: dayHours, limitMicros: ofOne });
  if (text.network !== null) {
    // So it takes three networks to close a prefix to everyone else.
    const limitMicros = atLeastAFew(shares.ofOneNetworkAndPrefixMicros);
    caps.push({ rule: 'network_share', scope: `${text.network}@${prefix}`, hours: dayHours, limitMicros });
  }
  return caps;
}

/** What may be taken of a share that is released by the hour: in any hour, in any two, and so on to all of it in a day. */
function releaseByHour(
  ofDayMicros: bigint,
  atLeastAFew: (micros: bigint) => bigint,
): { hours: number; limitMicros: bigint }[] {
  return Array.from({ length: dayHours }, (_, index) => {
    const hours = BigInt(index + 1);
    // What may be taken at once, and the rest spread over the day: together, no 24 hours hold more than their share.
    const released =
      (ofDayMicros * (strangersHoursAtOnce * 24n + (24n - strangersHoursAtOnce) * hours)) / (24n * 24n);
    const limitMicros = hours === BigInt(dayHours) ? ofDayMicros : atLeastAFew(released);
    return { hours: Number(hours), limitMicros };
  });
}

/**
 * Reserves the estimated price of texts that a dispatcher has claimed, at the moment of sending, in one short transaction
 * for all of them: each has to fit every cap beside what is settled and reserved. Reservations of all processes pass one
 * after another, and the sums are read after the one before was committed, so that no reservation passes a cap, not by a
 * millionth. A price that settles above its estimate may; the next reservation sees it.
 *
 * With the reservation a text is marked as being called for: `unknown_since` is set until its outcome is recorded. `then`
 * runs in the same transaction, with the ids of those that were. Texts are looked at in the order given.
 *
 * @param role our sender of the texts: what goes to a number that has opted out of it is not reserved
 * @param lease the ticket under which all of them are held
 * @returns an answer for each
 */
export async function reserveSpend(
  db: Db,
  {
    texts,
    role = 'updates',
    lease,
    now,
  }: { texts: readonly WantedSpend[]; role?: SenderRole; lease: Date; now: Date },
  then: (tx: Tx, reserved: readonly string[]) => Promise<void> = async () => undefined,
): Promise<Map<string, SpendAnswer>> {
  return db.transaction(async (tx) => {
    await lockBudget(tx);
    const scopes = [...new Set(texts.flatMap(({ caps }) => caps.flatMap(listRead)))];
    const sums = await readSums(tx, scopes, now);
    const answers = new Map<string, SpendAnswer>();
    const fitting: WantedSpend[] = [];
    for (const text of texts) {
      const price = BigInt(text.priceMicros);
      const full = findFull(text.caps, sums, price);
      if (full) {
        const spent = sums.within(full);
        answers.set(text.messageId, await explainRefusal(tx, full, { price, spent, own: null, now }));
        continue;
      }
      for (const scope of scopesOf(text)) sums.add(scope, price);
      fitting.push(text);
    }
    const reserved =
      fitting.length === 0 ? new Set<string>() : await markReserved(tx, fitting, { role, lease, now });
    for (const { messageId } of fitting) {
      answers.set(messageId, reserved.has(messageId) ? { ok: true } : { ok: false, reason: 'lost' });
    }
    await then(
      tx,
      fitting.map(({ messageId }) => messageId).filter((id) => reserved.has(id)),
    );
    return answers;
  });
}

/** Locks the budget for everyone. What is waited for after that is as long as before. */
async function lockBudget(tx: Tx): Promise<void> {
  await tx.execute(sql`
    with former as materialized (select current_setting('lock_timeout') as patience)
    select set_config('lock_timeout', ${`${budgetLockWaitMs}ms`}, true), pg_advisory_xact_lock(${budgetLockKey}::bigint),
      set_config('lock_timeout', patience, true) from former`);
}

/**
 * A cap as it is now. What one of many may have of what they share is the square of the part of it that is left: alone a wide network
 * takes 38 %, and after the first few dozens of greedy ones there still is some. A /32 of IPv6 is 65,536 networks of which nobody asked
 * before, so no limit on each network bounds its owner, and a fixed part for each bounds no two. Two texts it may have in any case: a code, and the same sent
 * again.
 */
function atPresent(cap: Limit, sums: Sums, price: bigint): Limit {
  if (cap.shares === undefined) return cap;
  const { scope, limitMicros: all } = cap.shares;
  const spent = sums.within({ scope, hours: cap.hours });
  const left = spent < all ? all - spent : 0n;
  const limitMicros = all === 0n ? 0n : (left * left) / all;
  return { ...cap, limitMicros: limitMicros > 2n * price ? limitMicros : 2n * price };
}

/** What one takes of what many share, if nobody else does: where what it has is the square of what is left. */
function mostOfShared(micros: bigint): bigint {
  return (micros * 381_966n) / 1_000_000n;
}

/** The cap that a price does not fit; of several, the one that is counted over the longest time has the latest moment. */
function findFull(caps: readonly Cap[], sums: Sums, price: bigint): Limit | null {
  return caps
    .filter(isLimit)
    .map((cap) => atPresent(cap, sums, price))
    .filter((cap) => sums.within(cap) + price > cap.limitMicros)
    .reduce<Limit | null>((longest, cap) => (longest && longest.hours >= cap.hours ? longest : cap), null);
}

/** What one of the rules of the budget says of a text. */
export type BudgetAnswer = Omit<BudgetRefusal, 'ok' | 'reason'> & { fits: boolean };

/**
 * Reads how a text stands with every rule that counts it, as of now: to explain, since nothing is reserved and the next moment may
 * be another. Of several caps of one rule it is the one that says no, else the one with the least room. `counted`: its own price,
 * where the sums have it already; null: they do not.
 */
export async function explainBudget(
  db: Db,
  { priceMicros, caps, counted }: Pick<WantedSpend, 'priceMicros' | 'caps'> & { counted: SpendChange | null },
  now: Date,
): Promise<BudgetAnswer[]> {
  const sums = await readSums(db, [...new Set(caps.flatMap(listRead))], now);
  const own = counted !== null && isSummed(counted, now) ? counted : null;
  if (own !== null) {
    const hoursAgo = Math.ceil((wholeMinute(now).getTime() - wholeMinute(own.reservedAt).getTime()) / hourMs);
    for (const scope of scopesOfChange(own)) sums.add(scope, -own.micros, Math.max(0, hoursAgo));
  }
  const price = BigInt(priceMicros);
  const roomOf = (cap: Limit) => cap.limitMicros - sums.within(cap);
  const byRule = new Map<BudgetRule, Limit[]>();
  for (const cap of caps.filter(isLimit).map((each) => atPresent(each, sums, price)))
    byRule.set(cap.rule, [...(byRule.get(cap.rule) ?? []), cap]);
  return Promise.all(
    [...byRule.values()].map(async (ofRule) => {
      const full = findFull(ofRule, sums, price);
      const cap = full ?? ofRule.reduce((least, each) => (roomOf(each) < roomOf(least) ? each : least));
      const { rule, limitMicros } = cap;
      const spentMicros = sums.within(cap);
      const said = { rule, limitMicros, spentMicros, priceMicros: price };
      if (full === null) return { ...said, fits: true, retryAt: null };
      const { retryAt } = await explainRefusal(db, cap, { price, spent: spentMicros, own, now });
      return { ...said, fits: false, retryAt };
    }),
  );
}

/** What a person may spend in 24 hours, each beside the others: which texts count, with what is spent of it. */
export type OwnSpend = { counts: OwnTexts; spentMicros: bigint; limitMicros: bigint };
export type OwnTexts = 'updates_and_proofs' | 'sign_in' | 'recover' | 'notices';

const ownTexts: Record<OwnTexts, { purpose: string; sendClass: SendClass | null }> = {
  updates_and_proofs: { purpose: 'update', sendClass: null },
  sign_in: { purpose: 'verification', sendClass: 'sign_in' },
  recover: { purpose: 'verification', sendClass: 'recover' },
  notices: { purpose: 'notice', sendClass: null },
};

/** Reads how much of each of their caps a person has spent by now; of several caps for the same texts, the one with the least room. */
export async function readOwnSpend(
  db: Db,
  person: { userId: string; emailKey: string; emailProven: boolean; phone: string },
  { budget, secrets, now }: { budget: Budget; secrets: readonly [string, ...string[]]; now: Date },
): Promise<OwnSpend[]> {
  const caps = Object.entries(ownTexts).flatMap(([counts, text]) =>
    capsOf({ ...person, ...text, network: null, wideNetwork: null, priceMicros: 0 }, budget, secrets)
      .filter(isLimit)
      .filter(({ rule }) => rule === 'SMS_DAILY_BUDGET_PER_USER_USD')
      .map((cap) => ({ ...cap, counts: counts as OwnTexts })),
  );
  const sums = await readSums(db, [...new Set(caps.flatMap(listScopes))], now);
  const fullest = new Map<OwnTexts, OwnSpend>();
  for (const { counts, limitMicros, ...cap } of caps) {
    const spentMicros = sums.within(cap);
    const known = fullest.get(counts);
    if (known === undefined || spentMicros > known.spentMicros) {
      fullest.set(counts, { counts, spentMicros, limitMicros });
    }
  }
  return [...fullest.values()];
}

/** Every scope under which a cap finds what was spent. */
function listScopes({ scope, otherScopes = [] }: Pick<Cap, 'scope' | 'otherScopes'>): string[] {
  return [scope, ...otherScopes];
}

/** Every scope whose sums a cap needs. */
function listRead(cap: Cap): string[] {
  return [...listScopes(cap), ...(cap.enteredScope === undefined ? [] : [cap.enteredScope])];
}

function scopesOf({ caps }: WantedSpend): string[] {
  return [...new Set(caps.map(({ scope }) => scope))].sort();
}

type Sums = {
  add(scope: string, micros: bigint, hoursAgo?: number): void;
  within(cap: Pick<Cap, 'scope' | 'otherScopes' | 'enteredScope' | 'hours'>): bigint;
};

/**
 * What was spent per scope, by the hour before `now`; minutes are counted whole. One ahead of us, written by a clock that
 * was ahead, counts as this one; further ahead than a day, as none.
 */
async function readSums(tx: Tx | Db, scopes: readonly string[], now: Date): Promise<Sums> {
  const minute = wholeMinute(now);
  const { rows } = await tx.execute<{ scope: string; hours_ago: number; micros: string }>(sql`
    select scope, ceil(extract(epoch from ${timestamp(minute)} - minute) / 3600)::int as hours_ago, sum(micros)::text as micros
    from sms_spend
    where scope = any(${sql.param([...scopes])}::text[]) and minute >= ${timestamp(new Date(minute.getTime() - dayHours * hourMs))}
      and minute <= ${timestamp(new Date(minute.getTime() + dayHours * hourMs))}
    group by 1, 2`);
  const byScope = new Map<string, Map<number, bigint>>();
  const add = (scope: string, micros: bigint, hoursAgo = 0) => {
    const hours = byScope.get(scope) ?? new Map<number, bigint>();
    hours.set(hoursAgo, (hours.get(hoursAgo) ?? 0n) + micros);
    byScope.set(scope, hours);
  };
  for (const { scope, hours_ago, micros } of rows) add(scope, BigInt(micros), Math.max(0, hours_ago));
  return {
    add,
    within: ({ hours, enteredScope, ...cap }) => {
      // Only what is counted under one scope is counted as entered.
      const entered = enteredScope === undefined ? undefined : byScope.get(enteredScope);
      let sum = 0n;
      for (const scope of listScopes(cap)) {
        for (const [hoursAgo, micros] of byScope.get(scope) ?? []) {
          // Hour by hour, so that what was entered, and cost nothing after all, makes no room for others.
          if (hoursAgo <= hours) sum += countBeside(micros, entered?.get(hoursAgo) ?? 0n);
        }
      }
      return sum;
    },
  };
}

/**
 * Marks texts as being called for, unless someone else holds their rows just now, since nobody may wait while the budget's
 * lock is held, and adds their prices to the sums, locked in the order of their keys.
 */
async function markReserved(
  tx: Tx,
  texts: readonly WantedSpend[],
  { role, lease, now }: { role: SenderRole; lease: Date; now: Date },
): Promise<Set<string>> {
  const wanted = JSON.stringify(
    texts.map((text) => ({
      id: text.messageId,
      micros: text.priceMicros,
      segments: text.segments,
      scopes: scopesOf(text),
    })),
  );
  const { rows } = await tx.execute<{ id: string }>(sql`
    with wanted as (
      select * from jsonb_to_recordset(${wanted}::jsonb) as w (id uuid, micros bigint, segments int, scopes text[])
    ), free as materialized (
      select id from sms_messages
      where id in (select id from wanted) and status = 'sending' and lease_until = ${timestamp(lease)} and unknown_since is null
      for update skip locked
    ), marked as (
      update sms_messages m
      set price = wanted.micros::numeric / 1000000, estimated_price = wanted.micros::numeric / 1000000,
          segments = wanted.segments, spend_scopes = wanted.scopes, reserved_at = ${timestamp(now)}, price_settled_at = null,
          unknown_since = ${timestamp(now)}, look_ups = 0, attempts = ${oneMore(sql`attempts`)}, attempted_at = ${timestamp(now)}
      from wanted
      where m.id = wanted.id and m.id in (select id from free)
        and not exists (select from phone_numbers n where n.number = m.phone and n.suppressed_at is not null
          and coalesce(${role} = any(n.suppressed_senders), true))
      returning m.id, wanted.micros, wanted.scopes
    ), spent as (
      insert into sms_spend (scope, minute, micros)
      select scope, ${timestamp(wholeMinute(now))}, sum(micros) from marked, unnest(scopes) scope group by scope order by scope
      on conflict (scope, minute) do update set micros = sms_spend.micros + excluded.micros
    )
    select id from marked`);
  return new Set(rows.map(({ id }) => id));
}

/** A price as the table keeps it, six decimals, in millionths of a dollar; nothing reserved, and what is no number, is 0. */
export function microsOf(price: string | null): bigint {
  return price === null || !/^-?\d+\.\d{6}$/.test(price) ? 0n : BigInt(price.replace('.', ''));
}

/** A change of what a text costs: released, settled, or charged for the first time. */
export type SpendChange = { scopes: readonly string[] | null; reservedAt: Date; micros: bigint };

/** Whether there can be a sum for a moment: no row that is broken, or of a clock gone wrong, is counted at what is none. */
function hasMinute(moment: Date): boolean {
  const year = moment.getUTCFullYear();
  return year > 1970 && year < 10_000;
}

function scopesOfChange({ scopes }: SpendChange): string[] {
  return (scopes ?? ['all']).filter((scope: string | null) => scope !== null);
}

/** Whether `readSums` counts what was reserved then. */
function isSummed({ reservedAt }: SpendChange, now: Date): boolean {
  const agoMs = wholeMinute(now).getTime() - wholeMinute(reservedAt).getTime();
  return hasMinute(reservedAt) && Math.abs(agoMs) <= dayHours * hourMs;
}

/**
 * Changes the sums by what texts cost more (or less) than was counted, in the minute they were reserved in. The rows of the
 * sums are locked in the order of their keys, as the last of the transaction. What a broken row says of a moment that does not
 * exist, or of a sum without a name, changes nothing.
 */
export async function changeSpend(tx: Tx | Db, changes: readonly SpendChange[]): Promise<void> {
  const rows = changes
    .filter(({ micros, reservedAt }) => micros !== 0n && hasMinute(reservedAt))
    .flatMap((change) =>
      scopesOfChange(change).map((scope) => ({
        scope,
        minute: wholeMinute(change.reservedAt).toISOString(),
        micros: change.micros.toString(),
      })),
    );
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into sms_spend (scope, minute, micros)
    select scope, minute, sum(micros)
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as change (scope text, minute timestamptz, micros bigint)
    group by scope, minute order by scope, minute
    on conflict (scope, minute) do update set micros = sms_spend.micros + excluded.micros`);
}

/** What was spent in the day before `now`, settled and reserved, in micros: by everyone (`all`) or under one mark. */
export async function sumSpend(db: Db | Tx, scope: string, now: Date): Promise<bigint> {
  return (await sumSpendOf(db, [scope], now))(scope);
}

/** The same of several, in one statement: what was spent under each. */
export async function sumSpendOf(
  db: Db | Tx,
  scopes: readonly string[],
  now: Date,
): Promise<(scope: string) => bigint> {
  const sums = await readSums(db, scopes, now);
  return (scope) => sums.within({ scope, hours: dayHours });
}

/**
 * Removes at most `limit` sums of minutes that no cap counts: those that are over, and those that a wrong clock wrote so far
 * ahead, by ours and by the database's clock, that they would be counted when their day comes. Out: how many there were.
 */
export async function pruneSpend(db: Db, now: Date, limit: number): Promise<number> {
  const over = sql`minute < ${timestamp(new Date(now.getTime() - keptHours * hourMs))}`;
  const tooFarAhead = sql`minute > (select greatest(${timestamp(now)}, clock_timestamp()) + make_interval(hours => ${keptHours}))`;
  const some = (which: SQL) => sql`array(
    select ctid from sms_spend where ${which} order by minute limit ${limit}::int for update skip locked)`;
  const { rowCount } = await db.execute(sql`
    delete from sms_spend where ctid = any((${some(over)} || ${some(tooFarAhead)})[1:${limit}::int])`);
  return rowCount ?? 0;
}

async function explainRefusal(
  tx: Tx | Db,
  cap: Limit,
  { price, spent, own, now }: { price: bigint; spent: bigint; own: SpendChange | null; now: Date },
): Promise<BudgetRefusal> {
  const { rule, limitMicros } = cap;
  const retryAt =
    price > limitMicros ? null : await findRoom(tx, cap, { room: spent + price - limitMicros, own, now });
  return { ok: false, reason: 'budget', rule, priceMicros: price, spentMicros: spent, limitMicros, retryAt };
}

/** When enough of what is spent, but for `own`, will have left the cap's hours to free `room` micros. */
async function findRoom(
  tx: Tx | Db,
  cap: Cap,
  { room, own, now }: { room: bigint; own: SpendChange | null; now: Date },
): Promise<Date> {
  const ownScopes = own === null ? [] : scopesOfChange(own);
  const { of, parts } = givenBackOnceEntered;
  const counted =
    cap.enteredScope === undefined
      ? sql`micros`
      : sql`case when scope = ${cap.enteredScope} then -micros * ${parts.toString()}::bigint / ${of.toString()}::bigint else micros end`;
  const freed =
    own === null || ownScopes.length === 0
      ? counted
      : sql`${counted} - case when minute = ${timestamp(wholeMinute(own.reservedAt))} and scope = any(${sql.param(ownScopes)}::text[])
          then ${own.micros.toString()}::bigint else 0 end`;
  const since = new Date(wholeMinute(now).getTime() - cap.hours * hourMs);
  const { rows } = await tx.execute<{ epoch_ms: number }>(sql`
    select extract(epoch from minute)::float8 * 1000 as epoch_ms from (
      select minute, sum(${freed}) over (order by minute) as freed from sms_spend
      where scope = any(${sql.param(listRead(cap))}::text[]) and minute >= ${timestamp(since)}
        and minute <= ${timestamp(new Date(now.getTime() + dayHours * hourMs))}
    ) spends where freed >= ${room.toString()}::numeric order by minute limit 1`);
  // What is reserved together with this text, in this very minute, is not in the table yet.
  const minuteOfRoomMs = rows[0]?.epoch_ms ?? wholeMinute(now).getTime();
  // A minute is counted whole until the one after the last that its hours touch.
  return new Date(minuteOfRoomMs + cap.hours * hourMs + minuteMs);
}

function wholeMinute(instant: Date): Date {
  return new Date(Math.floor(instant.getTime() / minuteMs) * minuteMs);
}
