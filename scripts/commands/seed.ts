import { pathToFileURL } from 'node:url';
import { inArray, isNull } from 'drizzle-orm';
import { generateSync } from 'otplib';
import { closeDb, db as openDb, type Db, type Tx } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { applicationEvents, applications, type ApplicationStatus } from '@/db/schema/applications';
import { users, type Role } from '@/db/schema/accounts';
import { phoneNumbers, smsMessages, smsVerificationLog, type VerificationEvent } from '@/db/schema/sms';
import { hashPassword } from '@/lib/accounts/password';
import { findUserByEmail, insertUser, lockEmail, setEnrollUntil } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import {
  confirmRecoveryCodes,
  normalizeRecoveryCode,
  readWaitingCodes,
  startRecoveryCodes,
} from '@/lib/auth/two-factor/recovery-codes';
import { confirmTotp, startTotp } from '@/lib/auth/two-factor/totp';
import { grantConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { limits } from '@/lib/rate-limits/limits';
import { addDays, dayOf, startOf } from '@/lib/reporting/rollups/report-days';
import { sumAgainSince } from '@/lib/reporting/rollups/roll-up';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { readCommandLine } from '../command-line';
import { runCommand } from './run-command';
import { exitWith, StartProblem } from '../start-problem';

/** Everyone's password. Known to all the world, and so never on a public address. */
export const demoPassword = 'lantern-harbor-quilt';

/** The key of everyone's authenticator app who must hold a second factor. As well known. */
export const demoTotpKey = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

/** The applicant's number, proven; fictional, and not the one that the README registers with. */
const demoPhone = '+15555550142';

/** All that is written happened in so many days. */
const mostDaysBack = 30;

const applicantEmail = 'applicant@example.com';
const brokerEmail = 'broker@example.com';

export const demoPeople: readonly { email: string; name: string; role: Role; phone: string | null }[] = [
  { email: 'admin@example.com', name: 'Avery Admin', role: 'admin', phone: null },
  { email: 'staff@example.com', name: 'Sam Staff', role: 'staff', phone: null },
  { email: brokerEmail, name: 'Blake Broker', role: 'broker', phone: null },
  { email: applicantEmail, name: 'Alex Applicant', role: 'applicant', phone: demoPhone },
];

/** `recoveryCodes`: of someone new who must hold a second factor. */
export type SeededPerson = { email: string; role: Role; created: boolean; recoveryCodes: string[] };

/**
 * Writes one person of each role, and for the applicant a proven number with a few days of texts and attempts behind it, and applications. The others
 * have an authenticator app and recovery codes, so that they can sign in at once.
 * Whoever is there already is left as they are, so a second run changes nothing. Every text is in a final state: nothing
 * of this is ever sent.
 *
 * @throws StartProblem when APP_URL is public, for the password is known
 */
export async function seedDemoData(db: Db, now: Date): Promise<SeededPerson[]> {
  if (env().isPublic) {
    throw new StartProblem(
      `Demo people have a password that everyone knows, and APP_URL is public (${env().appUrl.origin}): nothing was written.`,
    );
  }
  const emails = demoPeople.map(({ email }) => email);
  const known = await db.select({ email: users.email }).from(users).where(inArray(users.email, emails));
  if (known.length === demoPeople.length)
    return demoPeople.map(({ email, role }) => ({ email, role, created: false, recoveryCodes: [] }));
  const hash = await hashPassword(demoPassword);
  if (!hash.ok) throw new StartProblem('Too many passwords are being hashed right now. Try again.');

  const evening = lastEvening(now);
  const seeded: SeededPerson[] = [];
  for (const person of demoPeople) {
    const written = await db.transaction((tx) =>
      seedPerson(tx, { ...person, passwordHash: hash.value }, evening),
    );
    seeded.push({ email: person.email, role: person.role, ...written });
  }
  if (seeded.some(({ email, created }) => created && email === applicantEmail)) {
    await db.transaction((tx) => seedApplications(tx, evening));
    // Where there is a history already (`npm run generate`), its days were summed up without these texts.
    await sumAgainSince(db, addDays(dayOf(evening, env().reportTimeZone), -mostDaysBack));
  }
  return seeded;
}

/** Six in the evening, the last one that is over: what happened some days before it was at an hour at which texts go out. */
function lastEvening(now: Date): Date {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const [yesterdays, todays] = [addDays(today, -1), today].map(
    (day) => new Date(startOf(day, timeZone).getTime() + 18 * 3600 * 1000),
  );
  return todays! <= now ? todays! : yesterdays!;
}

async function seedPerson(
  tx: Tx,
  person: (typeof demoPeople)[number] & { passwordHash: string },
  now: Date,
): Promise<Pick<SeededPerson, 'created' | 'recoveryCodes'>> {
  const { email, name, role, phone, passwordHash } = person;
  await lockEmail(tx, email);
  if (await findUserByEmail(tx, email)) return { created: false, recoveryCodes: [] };
  const userId = newId();
  const context: RequestContext = { now: daysBefore(now, 6), address: 'seed', userAgent: null };
  await insertUser(tx, {
    id: userId,
    email,
    name,
    role,
    passwordHash,
    phone,
    active: true,
    emailProven: true,
    now: context.now,
  });
  await createPreferences(tx, {
    userId,
    enabled: phone !== null,
    timeZone: phone === null ? null : 'America/New_York',
    now: context.now,
  });
  await recordAudit(
    tx,
    { action: 'account_created_by_operator', userId, actorId: null, details: { role, demo: true } },
    context,
  );
  if (phone !== null) await seedTexts(tx, { userId, phone }, context, now);
  const recoveryCodes = role === 'applicant' ? [] : await seedFactors(tx, userId, context.now);
  return { created: true, recoveryCodes };
}

/** An authenticator app and recovery codes that were set up at a moment. Out: the codes. */
async function seedFactors(tx: Tx, userId: string, at: Date): Promise<string[]> {
  const here = { userId, sessionId: 'seed' };
  await startTotp(tx, here, at, demoTotpKey);
  const code = generateSync({ secret: demoTotpKey, epoch: Math.floor(at.getTime() / 1000) });
  const isConfirmed = await confirmTotp(tx, { ...here, code }, at);
  await startRecoveryCodes(tx, here, at);
  const codes = (await readWaitingCodes(tx, here, at)) ?? [];
  const typed = normalizeRecoveryCode(codes[0] ?? '') ?? '';
  if (!isConfirmed || !(await confirmRecoveryCodes(tx, { ...here, code: typed }, at))) {
    throw new Error('The factors of a demo person could not be set up');
  }
  await setEnrollUntil(tx, userId, null);
  return codes;
}

/** What a proven number looks like after a few days. Written straight into the tables, for none of it ever happened. */
async function seedTexts(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  context: RequestContext,
  now: Date,
): Promise<void> {
  await grantConsent(
    tx,
    { userId, phone, scopes: ['verification', 'updates'], medium: 'registration' },
    context,
  );
  await tx
    .insert(phoneNumbers)
    .values({ number: phone, holderUserId: userId, heldSince: context.now })
    .onConflictDoUpdate({
      target: phoneNumbers.number,
      set: { holderUserId: userId, heldSince: context.now },
      setWhere: isNull(phoneNumbers.holderUserId),
    });
  await tx.insert(smsMessages).values(demoTexts(now).map((text) => ({ ...text, userId, phone })));
  await tx.insert(smsVerificationLog).values(
    demoAttempts.map(([daysAgo, seconds, event, reason]) => ({
      at: new Date(daysBefore(now, daysAgo).getTime() + seconds * 1000),
      event,
      reason,
      phone,
      userId,
      address: context.address,
      userAgent: null,
    })),
  );
}

type DemoMove = { to: ApplicationStatus; daysAgo: number; by: 'applicant' | 'broker'; note?: string };

/** What the applicant applied for, and what became of it. The broker sees to all but the newest. */
const demoApplications: readonly { title: string; message: string; moves: readonly DemoMove[] }[] = [
  {
    title: 'Parking space',
    message: 'For one car, from the first of the month.',
    moves: [
      { to: 'submitted', daysAgo: 5, by: 'applicant' },
      { to: 'in_review', daysAgo: 4, by: 'broker' },
      { to: 'approved', daysAgo: 3, by: 'broker', note: 'The space is yours from the first of the month.' },
    ],
  },
  {
    title: 'Two-bedroom apartment',
    message: 'For two adults and a child. We would like to move in next month.',
    moves: [
      { to: 'submitted', daysAgo: 4, by: 'applicant' },
      { to: 'in_review', daysAgo: 3, by: 'broker' },
      { to: 'documents_needed', daysAgo: 2, by: 'broker', note: 'Your last three pay slips, please.' },
    ],
  },
  {
    title: 'Storage room',
    message: 'The smaller one is enough.',
    moves: [{ to: 'submitted', daysAgo: 1, by: 'applicant' }],
  },
];

/** Writes the applications with their timelines. Nothing waits to be told. */
async function seedApplications(tx: Tx, now: Date): Promise<void> {
  const [applicant, broker] = [
    await findUserByEmail(tx, applicantEmail),
    await findUserByEmail(tx, brokerEmail),
  ];
  const actors = { applicant, broker };
  for (const { title, message, moves } of demoApplications) {
    const [first, last] = [moves[0]!, moves[moves.length - 1]!];
    const id = newId();
    await tx.insert(applications).values({
      ...{ id, title, message, applicantId: applicant!.id, status: last.to, version: moves.length + 1 },
      assigneeId: moves.length > 1 ? (broker?.id ?? null) : null,
      createdAt: daysBefore(now, first.daysAgo),
      movedAt: daysBefore(now, last.daysAgo),
    });
    await tx.insert(applicationEvents).values(
      moves.map(({ to, daysAgo, by, note }, index) => {
        const at = daysBefore(now, daysAgo);
        return {
          ...{ applicationId: id, at, showsAt: at, kind: 'moved' as const, toStatus: to, note: note ?? null },
          fromStatus: moves[index - 1]?.to ?? ('draft' as const),
          actorId: actors[by]?.id ?? null,
          actorRole: by,
        };
      }),
    );
  }
}

const demoAttempts: readonly [
  daysAgo: number,
  seconds: number,
  event: VerificationEvent,
  reason: string | null,
][] = [
  [6, 0, 'send_requested', null],
  [6, 12, 'send_refused', 'too_soon'],
  [6, 41, 'send_requested', null],
  [6, 55, 'wrong_code', null],
  [6, 70, 'verified', null],
];

function demoTexts(now: Date): Omit<typeof smsMessages.$inferInsert, 'userId' | 'phone'>[] {
  const one = { segments: 1, price: '0.0079', estimatedPrice: '0.0079' } as const;
  const status = (title: string, to: string) => ({
    purpose: 'update' as const,
    template: 'applicationStatus',
    params: { site: env().siteName, title, status: to, url: env().appUrl.origin },
  });
  const at = (daysAgo: number) => {
    const moment = daysBefore(now, daysAgo);
    return { id: newId(), createdAt: moment, sendAfter: moment };
  };
  const sent = (daysAgo: number) => {
    const moment = daysBefore(now, daysAgo);
    return {
      ...at(daysAgo),
      ...one,
      attempts: 1,
      attemptedAt: moment,
      sentAt: moment,
      reservedAt: moment,
      priceSettledAt: moment,
    };
  };
  const arrived = (daysAgo: number) => ({
    ...sent(daysAgo),
    status: 'delivered' as const,
    providerStatus: 'delivered',
    deliveredAt: daysBefore(now, daysAgo),
  });
  const code = {
    purpose: 'verification' as const,
    template: 'verification',
    params: { site: env().siteName, host: env().appUrl.hostname },
    expiresAt: new Date(daysBefore(now, 6).getTime() + limits.codeTtlSeconds * 1000),
  };
  return [
    { ...arrived(6), ...code },
    {
      ...arrived(5.999),
      purpose: 'update',
      template: 'optInConfirmation',
      params: { site: env().siteName },
    },
    { ...arrived(4), ...status('Application', 'received') },
    {
      ...sent(3),
      ...status('Application', 'in review'),
      status: 'failed',
      providerStatus: 'undelivered',
      failedAt: daysBefore(now, 3),
      errorCode: 30003,
      reason: 'handset_unreachable',
    },
    { ...arrived(2.99), ...status('Application', 'in review') },
    {
      ...at(2),
      direction: 'in',
      purpose: 'inbound',
      template: 'inbound',
      body: 'Thank you!',
      status: 'received',
    },
    {
      ...at(1.9),
      ...status('Documents', 'missing'),
      status: 'canceled',
      reason: 'turned_off',
      failedAt: daysBefore(now, 1.9),
    },
    { ...sent(1.2), ...status('Documents', 'complete'), status: 'sent', priceSettledAt: null },
  ];
}

function daysBefore(now: Date, days: number): Date {
  return new Date(Math.round(now.getTime() - days * 24 * 3600 * 1000));
}

function readArguments(args: readonly string[]): void {
  readCommandLine(args, {
    usage: 'npm run seed',
    about:
      'Writes demo people, one of each role, and some texts; prints their emails, their password, and what the second\n' +
      'step of sign-in takes. Who is there already stays as they are. Refuses on a public APP_URL.',
  });
}

async function run(): Promise<void> {
  const seeded = await seedDemoData(openDb(), await readDatabaseClock(openDb()));
  console.log(`Demo people. Sign in at ${env().appUrl.origin}/users/login`);
  console.log(`Password of the new ones: ${demoPassword}`);
  console.log(`Second step of broker, staff and admin: an authenticator app with the key ${demoTotpKey},`);
  console.log('or one of their recovery codes, each of which works once');
  for (const { email, role, created, recoveryCodes } of seeded) {
    console.log(`  ${email.padEnd(22)} ${role}${created ? '' : ' (was there already, left as it is)'}`);
    for (let i = 0; i < recoveryCodes.length; i += 2) {
      console.log(`    ${recoveryCodes.slice(i, i + 2).join('  ')}`);
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // The launcher has settled the environment and migrated already.
  if (process.argv.includes('--launched'))
    await run()
      .then(closeDb)
      .then(() => process.exit(0), exitWith);
  else await runCommand(readArguments, run);
}
