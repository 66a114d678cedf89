import type { Db } from '@/db/client';
import { listSessions } from '@/lib/accounts/sessions';
import { listTrustedDevices } from '@/lib/accounts/trusted-devices';
import { findUser, type User } from '@/lib/accounts/users';
import {
  listMyApplications,
  listMyEvents,
  type MyApplication,
  type MyEvent,
} from '@/lib/applications/my-applications';
import { isOthersAction, listAudit, recordAudit, shownDetails, type AuditEntry } from '@/lib/audit';
import { listPasskeys } from '@/lib/auth/two-factor/passkeys';
import { countRecoveryCodes } from '@/lib/auth/two-factor/recovery-codes';
import { readTotp } from '@/lib/auth/two-factor/totp';
import { listNumbersInLedger } from '@/lib/consent/ledger';
import { listOptOuts } from '@/lib/consent/opt-out-ledger';
import { listReceipts } from '@/lib/consent/receipts';
import type { RequestContext } from '@/lib/context';
import { peekSettingsRetry, takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { listMails, type Mail } from '@/lib/mail/outbox';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { listTexts } from '@/lib/sms/outbox/history';
import { readHeldNumber } from '@/lib/sms/numbers/number';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { listVerifications, type VerificationEntry } from '@/lib/sms/verification/verification-log';
import { endTurn, keepTurn, takeTurn, type Turn } from '@/lib/turns';

/** So many rows are in memory at once, however many there are. */
export const exportPageRows = 500;

/** A file in pieces, to be written one after the other. Who stops early calls `return`, which frees the person's turn. */
export type Export = { ok: true; chunks: AsyncGenerator<string, void> };

/** `recovered_lately`: the password was reset, so the data stays until `retryAt` (`frozenUntil`). */
export type ExportRefusal = { ok: false } & (
  { reason: 'gone' | 'under_way' } | { reason: 'recovered_lately'; retryAt: Date } | TooManyChanges
);

/**
 * When a file that was refused for this reason may be asked for again, in words that are read after the refusal: nothing is counted.
 * Null: it may by now, or nobody knows how long another one takes.
 */
export async function readExportRetry(
  db: Db,
  user: Pick<User, 'recoveredAt'> & { userId: string },
  reason: ExportRefusal['reason'],
  now: Date,
): Promise<Date | null> {
  switch (reason) {
    case 'recovered_lately':
      return frozenUntil(user, now);
    case 'too_many_changes':
      return peekSettingsRetry(db, { userId: user.userId, kind: 'export' }, now);
    case 'under_way':
    case 'gone':
      return null;
  }
}

/** A list of the file, read by the page: the rows after `last` (null: the first), `exportPageRows` at most. */
type List = [name: string, readPage: (last: unknown) => Promise<{ rows: unknown[]; last: unknown }>];

/** A row that ends with a list of its own, which may be as long as any. */
class RowWithList {
  constructor(
    readonly head: Record<string, unknown>,
    readonly list: List,
  ) {}
}

/**
 * All that is kept about one person, for them to take along (GDPR art. 20, CCPA 1798.100), as JSON: account, phone,
 * preferences, sessions, second factors, every consent with its wording, every opt-out, every text and mail, every attempt.
 * Nothing in it opens anything: no password hash, code, token, key or session id.
 *
 * Rows are read by the page while the file is written, so that memory does not grow with them. One file a person is written
 * at a time: a second one is refused as `under_way`. Each is written down, and counted (`settingsPerAccount`).
 */
export async function exportData(
  db: Db,
  userId: string,
  context: RequestContext,
): Promise<Export | ExportRefusal> {
  return inTurn(db, userId, context.now, async (user) => {
    await recordAudit(db, { action: 'data_exported', userId }, context);
    const { phone, phoneMovedAt } = user;
    const sessions = await listSessions(db, userId, context.now);
    const passkeys = await listPasskeys(db, userId);
    const trusted = await listTrustedDevices(db, userId, context.now);
    const head = {
      format: 'doorstep-export/1',
      exportedAt: context.now,
      account: {
        id: user.id,
        email: user.email,
        name: user.name,
        role: user.role,
        emailProvenAt: user.emailProvenAt,
        createdAt: user.createdAt,
        activatedAt: user.activatedAt,
        passwordChangedAt: user.passwordChangedAt,
      },
      phone: { number: phone, ...(await readPhoneState(db, { userId, phone, phoneMovedAt })) },
      preferences: await readPreferences(db, userId),
      sessions: sessions.map(({ createdAt, lastSeenAt, expiresAt, address, userAgent }) => ({
        createdAt,
        lastSeenAt,
        expiresAt,
        address,
        userAgent,
      })),
      secondFactors: {
        passkeys: passkeys.map(({ name, createdAt, lastUsedAt }) => ({ name, createdAt, lastUsedAt })),
        authenticatorApp: await readTotp(db, userId),
        codesByTextSince: user.smsFactorSince,
        recoveryCodesLeft: await countRecoveryCodes(db, userId),
        trustedBrowsers: trusted.map(({ createdAt, lastUsedAt, expiresAt, address, userAgent }) => ({
          createdAt,
          lastUsedAt,
          expiresAt,
          address,
          userAgent,
        })),
      },
    };
    const lists: List[] = [
      ['consents', pageReceipts(db, userId)],
      ['optOuts', await pageOptOuts(db, user)],
      ['texts', pageTexts(db, user)],
      [
        'mails',
        pagesOf((last: Mail | null) => listMails(db, userId, { limit: exportPageRows, before: last }))(
          ({ createdAt, to, template, sentAt }) => ({ createdAt, to, template, sentAt }),
        ),
      ],
      ['applications', pageApplications(db, userId, context.now)],
      [
        'verifications',
        pagesOf((last: VerificationEntry | null) =>
          listVerifications(db, userId, exportPageRows, last?.id ?? null),
        )(describeAttempt),
      ],
      [
        'activity',
        pagesOf((last: AuditEntry | null) => listAudit(db, userId, exportPageRows, [], last))((entry) =>
          describeAuditEntry(entry, userId),
        ),
      ],
    ];
    return { head, lists };
  });
}

/** The record of a person's texts and agreements alone, as JSON; the same rules, but that it is not written down. */
export async function exportRecord(
  db: Db,
  userId: string,
  context: RequestContext,
): Promise<Export | ExportRefusal> {
  return inTurn(db, userId, context.now, async (user) => {
    const { name, email, phone } = user;
    const head = { format: 'doorstep-sms-record/1', of: { name, email, phone }, at: context.now };
    const lists: List[] = [
      ['agreements', pageReceipts(db, userId)],
      ['optOuts', await pageOptOuts(db, user)],
      ['texts', pageTexts(db, user)],
    ];
    return { head, lists };
  });
}

type Describe = (user: User) => Promise<{ head: Record<string, unknown>; lists: readonly List[] }>;

/** Begins a file, and counts it, if the person has none under way; what fails before its first piece ends the turn. */
async function inTurn(
  db: Db,
  userId: string,
  now: Date,
  describe: Describe,
): Promise<Export | ExportRefusal> {
  const hit = await takeSettingsHit(db, { userId, kind: 'export' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const begun = await begin(db, userId, now, describe);
  if (!begun.ok) await hit.refund();
  return begun;
}

async function begin(db: Db, userId: string, now: Date, describe: Describe): Promise<Export | ExportRefusal> {
  const user = await findUser(db, userId);
  if (user === null) return { ok: false, reason: 'gone' };
  const retryAt = frozenUntil(user, now);
  if (retryAt !== null) return { ok: false, reason: 'recovered_lately', retryAt };
  const turn = await takeTurn(db, 'export', userId);
  if (turn === null) return { ok: false, reason: 'under_way' };
  try {
    const { head, lists } = await describe(user);
    return { ok: true, chunks: await write(db, turn, head, lists) };
  } catch (error) {
    await endTurn(db, turn);
    throw error;
  }
}

/** Writes `{ head …, name: [ rows … ], … }`, a page of rows a piece; each list begins when the one before has ended. */
async function write(
  db: Db,
  turn: Turn,
  head: Record<string, unknown>,
  lists: readonly List[],
): Promise<AsyncGenerator<string, void>> {
  const chunks = writeChunks(db, turn, head, lists);
  // Past its beginning, so that `return` ends the turn also for whoever goes away before the first piece.
  await chunks.next();
  return chunks;
}

async function* writeChunks(
  db: Db,
  first: Turn,
  head: Record<string, unknown>,
  lists: readonly List[],
): AsyncGenerator<string, void> {
  let turn = first;
  const keep = async (): Promise<void> => {
    const kept = await keepTurn(db, turn);
    if (kept === null) throw new Error('An export was not read on for a minute, and another one began');
    turn = kept;
  };
  try {
    yield '';
    yield JSON.stringify(head, null, 2).slice(0, -2);
    for (const list of lists) yield* writeList(list, { before: ',\n  ', line: '\n  ' }, keep);
    yield '\n}\n';
  } finally {
    await endTurn(db, turn);
  }
}

/** Writes `"name": [ rows … ]` after what is `before` it, a page a piece, each row on a line; `line`: how that of the list begins. */
async function* writeList(
  [name, readPage]: List,
  { before, line }: { before: string; line: string },
  keep: () => Promise<void>,
): AsyncGenerator<string, void> {
  yield `${before}${JSON.stringify(name)}: [`;
  let last: unknown = null;
  for (;;) {
    const page = await readPage(last);
    let piece = '';
    for (const [index, row] of page.rows.entries()) {
      piece += `${last === null && index === 0 ? '' : ','}${line}  `;
      if (row instanceof RowWithList) {
        piece += `${JSON.stringify(row.head).slice(0, -1)},`;
        yield* writeList(row.list, { before: piece, line: `${line}  ` }, keep);
        piece = '}';
      } else piece += JSON.stringify(row);
    }
    yield piece;
    if (page.rows.length < exportPageRows) break;
    last = page.last;
    await keep();
  }
  yield `${line}]`;
}

const pagesOf =
  <Row>(read: (last: Row | null) => Promise<Row[]>) =>
  (describe: (row: Row) => unknown): List[1] =>
  async (last) => {
    const rows = await read(last as Row | null);
    return { rows: rows.map(describe), last: rows.at(-1) };
  };

const asItIs = <Row>(row: Row): Row => row;

function pageReceipts(db: Db, userId: string): List[1] {
  return pagesOf((last: { id: number } | null) =>
    listReceipts(db, userId, { limit: exportPageRows, before: last?.id ?? null }),
  )(asItIs);
}

/** Each with its timeline, as the person sees them. */
function pageApplications(db: Db, userId: string, now: Date): List[1] {
  const pageTimeline = (id: string) =>
    pagesOf((last: MyEvent | null) =>
      listMyEvents(db, userId, id, now, { limit: exportPageRows, after: last?.id ?? 0 }),
    )(asItIs);
  return pagesOf((before: MyApplication | null) =>
    listMyApplications(db, userId, now, { limit: exportPageRows, before }),
  )(
    ({ id, title, message, status, since, createdAt }) =>
      new RowWithList({ title, message, status, since, createdAt }, ['timeline', pageTimeline(id)]),
  );
}

async function pageOptOuts(db: Db, user: User): Promise<List[1]> {
  const { id: userId } = user;
  const held = await readHeldNumber(db, user);
  const phones = await listNumbersInLedger(db, userId);
  return pagesOf((last: { id: number } | null) =>
    listOptOuts(db, { userId, phones, held }, { limit: exportPageRows, before: last?.id ?? null }),
  )(asItIs);
}

function pageTexts(db: Db, { id: userId, phone }: User): List[1] {
  return pagesOf((last: { id: string; createdAt: Date } | null) =>
    listTexts(db, { userId, phone }, { limit: exportPageRows, before: last }),
  )(asItIs);
}

function describeAttempt(entry: VerificationEntry) {
  const { at, event, reason, phone, address, userAgent, details, times, lastAt } = entry;
  return { at, event, reason, phone, address, userAgent, details, times, lastAt };
}

function describeAuditEntry(
  { at, action, actorId, address, userAgent, details }: AuditEntry,
  userId: string,
) {
  // The address of someone else is not this person's data.
  const isOthers = isOthersAction(action) || (actorId !== null && actorId !== userId);
  return {
    at,
    action,
    by: actorId === userId ? 'you' : actorId === null ? 'nobody signed in' : 'someone else',
    address: isOthers ? null : address,
    userAgent: isOthers ? null : userAgent,
    details: shownDetails(details),
  };
}
