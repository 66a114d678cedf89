import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { smsMessages, smsVerificationLog } from '@/db/schema/sms';
import { readKeyset } from '@/lib/reporting/keyset';
import type { NumberFilter } from '@/lib/reporting/number-filter';
import { readMessagesPage, type MessagesQuery } from '@/lib/reporting/messages-page';
import { searchTexts, type TextSearch } from '@/lib/reporting/sms-texts';
import { listAttempts, type AttemptSearch } from '@/lib/reporting/verification-attempts';
import { readVerificationsPage } from '@/lib/reporting/verifications-page';
import { recordStatements, useDatabase } from '../../support/database';

const database = useDatabase();
const now = new Date('2026-11-20T12:00:00Z');
const everything: TextSearch = {
  subject: null,
  status: null,
  template: null,
  errorCode: null,
  before: null,
};
const everyAttempt: AttemptSearch = { subject: null, failuresOnly: false, before: null };
const adminId = randomUUID();
const ofNumber = (filter: NumberFilter) => ({ kind: 'number' as const, filter });

type NewMessage = typeof smsMessages.$inferInsert;

function text(overrides: Partial<NewMessage> = {}): NewMessage {
  const createdAt = overrides.createdAt ?? now;
  return {
    id: randomUUID(),
    phone: '+15551234567',
    purpose: 'update',
    template: 'applicationStatus',
    createdAt,
    sendAfter: createdAt,
    status: 'sent',
    ...overrides,
  };
}

async function startAfresh(): Promise<void> {
  await database.db.execute(sql`truncate sms_messages, sms_verification_log`);
}

async function walkTexts(search: Partial<TextSearch> = {}, pageSize = 7): Promise<string[]> {
  const ids: string[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await searchTexts(
      database.db,
      { ...everything, ...search, before: readKeyset(before, 'uuid') },
      pageSize,
    );
    expect(page.texts.length).toBeLessThanOrEqual(pageSize);
    ids.push(...page.texts.map(({ id }) => id));
    if (page.older === null) return ids;
    before = page.older;
  }
}

describe('pages of texts', () => {
  beforeAll(async () => {
    await startAfresh();
    // Many at the very same instant, and some that differ by less than a Date can tell.
    const rows = Array.from({ length: 60 }, (_, i) =>
      text({
        status: i % 3 === 0 ? 'failed' : 'sent',
        phone: i % 2 === 0 ? '+15551234567' : '+15559994567',
        createdAt: new Date(now.getTime() - Math.floor(i / 6) * 1000),
      }),
    );
    await database.db.insert(smsMessages).values(rows);
    await database.db.execute(
      sql`update sms_messages set created_at = created_at + interval '1 microsecond' * (random() * 900)::int
          where status = 'sent'`,
    );
  });

  test('every text is on exactly one page, newest first', async () => {
    const ids = await walkTexts();
    const { rows } = await database.db.execute<{ id: string }>(
      sql`select id from sms_messages order by created_at desc, id desc`,
    );
    expect(ids).toEqual(rows.map(({ id }) => id));
  });

  test('texts that come in while someone leafs through move nothing', async () => {
    const first = await searchTexts(database.db, everything, 5);
    const query = { ...everything, before: readKeyset(first.older!, 'uuid') };
    const second = await searchTexts(database.db, query, 5);
    const newer = text({ createdAt: new Date(now.getTime() + 60_000) });
    await database.db.insert(smsMessages).values(newer);
    expect(await searchTexts(database.db, query, 5)).toEqual(second);
    await database.db.execute(sql`delete from sms_messages where id = ${newer.id}`);
  });

  test('a filter holds on every page', async () => {
    expect(await walkTexts({ status: 'failed' }, 4)).toHaveLength(20);
    expect(await walkTexts({ subject: ofNumber({ phone: '+15551234567' }) })).toHaveLength(30);
    expect(await walkTexts({ subject: ofNumber({ lastDigits: '4567' }) })).toHaveLength(60);
    expect(await walkTexts({ subject: ofNumber({ lastDigits: '0000' }) })).toHaveLength(0);
    expect(await walkTexts({ subject: ofNumber({ phone: '+15551234567' }), status: 'failed' })).toHaveLength(
      10,
    );
  });
});

describe('what operators see', () => {
  const secret = '481516';

  beforeAll(async () => {
    await startAfresh();
    await database.db.insert(smsMessages).values([
      text({
        status: 'failed',
        errorCode: 30_003,
        reason: 'handset_unreachable',
        segments: 1,
        price: '0.0079',
        params: { url: `http://localhost/${secret}` },
        createdAt: new Date(now.getTime() - 1000),
      }),
      text({
        direction: 'in',
        purpose: 'inbound',
        status: 'received',
        body: `my code is ${secret}, call 555 123 4567 or +15551234567`,
      }),
    ]);
    await database.db.insert(smsVerificationLog).values([
      { at: now, event: 'wrong_code', phone: '+15551234567', details: { wrong_tries: 1 } },
      { at: new Date(now.getTime() - 1), event: 'verified', phone: '+15551234567' },
      { at: new Date(now.getTime() - 2), event: 'send_refused', reason: 'send_limit', phone: null },
    ]);
  });

  test('numbers are masked, and nothing holds a code or a whole number', async () => {
    const page = await readMessagesPage(database.db, everything, adminId);
    expect(page.texts).toMatchObject([
      {
        maskedPhone: '•••4567',
        purpose: 'inbound',
        inboundBody: 'my code is [digits], call [number] or [number]',
      },
      {
        maskedPhone: '•••4567',
        status: 'failed',
        errorCode: 30_003,
        reason: 'handset_unreachable',
        priceUsd: '0.007900',
        settled: false,
        inboundBody: null,
      },
    ]);
    const all = JSON.stringify([page, await readVerificationsPage(database.db, everyAttempt, adminId)]);
    expect(all).not.toContain(secret);
    expect(all).not.toContain('5551234567');
  });

  test('attempts come newest first, with failures alone when asked', async () => {
    const read = (search: Partial<AttemptSearch>) =>
      listAttempts(database.db, { ...everyAttempt, ...search }, 2);
    const first = await read({});
    expect(first.attempts.map(({ event }) => event)).toEqual(['wrong_code', 'verified']);
    const second = await read({ before: readKeyset(first.older!, 'number') });
    expect(second).toMatchObject({ older: null, attempts: [{ event: 'send_refused', maskedPhone: null }] });
    const failures = await read({ failuresOnly: true });
    expect(failures.attempts.map(({ event }) => event)).toEqual(['wrong_code', 'send_refused']);
    expect((await read({ subject: ofNumber({ lastDigits: '4567' }) })).attempts).toHaveLength(2);
  });
});

describe('with a hundred thousand texts and attempts', () => {
  beforeAll(async () => {
    await startAfresh();
    await database.db.execute(sql`
      insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, segments, price,
        reserved_at, price_settled_at)
      select gen_random_uuid(), '+1555' || lpad((1000000 + n % 50000)::text, 7, '0'), 'update', 'applicationStatus',
        at, at, case when n % 5000 = 0 then 'failed' else 'delivered' end, 1, 0.0079, at, at
      from generate_series(1, 100000) n, lateral (select ${now.toISOString()}::timestamptz - n * interval '1 minute' as at) t`);
    await database.db.execute(sql`
      insert into sms_verification_log (at, event, phone)
      select ${now.toISOString()}::timestamptz - n * interval '1 minute',
        case when n % 4 = 0 then 'wrong_code' else 'send_requested' end,
        '+1555' || lpad((1000000 + n % 50000)::text, 7, '0')
      from generate_series(1, 100000) n`);
    await database.db.execute(sql`analyze sms_messages, sms_verification_log`);
  });

  const place = { at: '2026-11-01T00:00:00.000000Z', id: randomUUID() };
  const texts: [string, Partial<MessagesQuery>, number][] = [
    ['the first page', {}, 2],
    ['a page further back', { before: place }, 2],
    ['one number', { subject: ofNumber({ phone: '+15551012345' }) }, 2],
    ['the last digits of a number', { subject: ofNumber({ lastDigits: '2345' }) }, 2],
    ['a person', { subject: { kind: 'person', id: randomUUID() } }, 3],
    ['several people', { subject: { kind: 'names', text: 'Robin' } }, 3],
    ['an application', { subject: { kind: 'application', id: randomUUID() } }, 2],
    ['a rare status', { status: 'failed' }, 2],
    ['a frequent status', { status: 'delivered' }, 2],
    ['a status that nothing has', { status: 'canceled' }, 2],
    ['a template that nothing has', { template: 'help' }, 2],
    ['an error', { errorCode: 30_003 }, 2],
  ];
  const attempts: [string, Partial<AttemptSearch>][] = [
    ['everything', {}],
    ['a page further back', { before: { at: place.at, id: '5000' } }],
    ['one number', { subject: ofNumber({ phone: '+15551012345' }) }],
    ['the last digits of a number', { subject: ofNumber({ lastDigits: '2345' }) }],
    ['a person', { subject: { kind: 'person', id: randomUUID() } }],
    ['failures only', { failuresOnly: true }],
  ];

  test.each(texts)('%s takes few statements', async (_, query, count) => {
    const statements = await recordStatements(database.pool, () =>
      readMessagesPage(database.db, { ...everything, ...query }, adminId),
    );
    expect(
      statements.filter((statement) => !/from users|from "?sms_preferences/.test(statement)),
    ).toHaveLength(query.subject?.kind === 'names' ? 0 : 1);
    expect(statements.length).toBeLessThanOrEqual(count);
  });

  test.each(texts)('of texts, %s reads the table in no other way than by an index', async (_, query) => {
    const { subject, ...search } = { ...everything, ...query };
    if (subject?.kind === 'names') return;
    const plan = await explain((db) => searchTexts(db, { ...search, subject }, 25));
    expect(plan.scans, plan.text).not.toContain('Seq Scan');
    // A page is sorted by its index; only a handful, those of one number or one rare state, may be sorted after.
    expect(plan.mostSorted, plan.text).toBeLessThan(1000);
  });

  test.each(attempts)('of attempts, %s reads the log in no other way than by an index', async (_, query) => {
    const plan = await explain((db) => listAttempts(db, { ...everyAttempt, ...query }, 25));
    expect(plan.scans, plan.text).not.toContain('Seq Scan');
    expect(plan.mostSorted, plan.text).toBeLessThan(1000);
  });
});

type Plan = { 'Node Type': string; 'Actual Rows': number; Plans?: Plan[] };

/** Runs one read with its statement explained, as PostgreSQL plans it with these very values. */
async function explain(
  read: (db: typeof database.db) => Promise<unknown>,
): Promise<{ scans: string[]; mostSorted: number; text: string }> {
  const client = await database.pool.connect();
  let plan: Plan | undefined;
  try {
    const { drizzle } = await import('drizzle-orm/node-postgres');
    const original = client.query.bind(client);
    const explaining = Object.assign(Object.create(client), {
      query: async (config: { text: string }, values: unknown[]) => {
        const { rows } = await original(`explain (analyze, format json) ${config.text}`, values);
        plan = rows[0]['QUERY PLAN'][0].Plan;
        return { rows: [] };
      },
    }) as typeof client;
    await read(drizzle(explaining));
  } finally {
    client.release();
  }
  const nodes: Plan[] = [];
  const visit = (node: Plan): void => {
    nodes.push(node);
    node.Plans?.forEach(visit);
  };
  visit(plan!);
  const sorts = nodes.filter((node) => node['Node Type'] === 'Sort');
  return {
    scans: nodes.map((node) => node['Node Type']),
    mostSorted: Math.max(
      0,
      ...sorts.flatMap((sort) => sort.Plans?.map((input) => input['Actual Rows']) ?? []),
    ),
    text: JSON.stringify(plan, null, 1),
  };
}
