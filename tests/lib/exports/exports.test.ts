import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportJobs, exportParts } from '@/db/schema/reports';
import type { SessionUser } from '@/lib/accounts/sessions';
import {
  listExports,
  mostExportsUnderWay,
  openExport,
  pruneExports,
  removeExport,
  requestExport,
  type WantedExport,
} from '@/lib/exports/export-jobs';
import { changeRole } from '@/lib/auth/admin/change-role';
import { deactivateAccount } from '@/lib/auth/admin/deactivate-account';
import { endAllSessions } from '@/lib/auth/admin/end-all-sessions';
import { runExports } from '@/lib/exports/run-exports';
import { dayOf } from '@/lib/reporting/rollups/report-days';
import { writeNextPart } from '@/lib/exports/write-exports';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, readSessionOf } from '@/tests/support/settled-person';

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));
const limits = { rowsPerPart: 10, mostRows: 1_000 };
const hour = 3_600;

let admin: SessionUser;
let faults: unknown[];
beforeEach(async () => {
  faults = [];
  await database.db.execute(sql`truncate sms_messages, export_jobs, sms_verification_log cascade`);
  admin = await readSessionOf(database.db, await giveSettledPerson(database.db, { role: 'admin' }), noon);
});

const onFault = (_id: string, error: unknown) => void faults.push(error);
const write = (seconds: number, own: Partial<typeof limits> = {}) =>
  writeNextPart(database.db, after(noon, seconds), { onFault, limits: { ...limits, ...own } });

async function request(more: Partial<WantedExport> = {}): Promise<string> {
  const wanted: WantedExport = {
    ...{ kind: 'messages', format: 'csv', wholeNumbers: true, from: after(noon, -24 * hour), to: noon },
    ...more,
  };
  const answer = await requestExport(database.db, admin, wanted, at(1));
  if (!answer.ok) throw new Error(answer.reason);
  return answer.id;
}

/** So many texts, several of the same moment, the last just before noon. */
async function giveTexts(count: number, more = sql`'delivered'`): Promise<void> {
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, status, created_at, send_after)
    select gen_random_uuid(), '+1415555' || lpad(n::text, 4, '0'), 'update', 'applicationStatus', ${more}, at, at
    from (select n, ${noon.toISOString()}::timestamptz - interval '1 minute' * (n / 3) - interval '1 millisecond' as at
      from generate_series(1, ${count}) n) texts`);
}

async function read(id: string): Promise<string> {
  const file = await openExport(database.db, admin, id, at(60));
  if (file === null || file === 'confirm_first') throw new Error('There is no file');
  const pieces: Buffer[] = [];
  for await (const piece of file.pieces) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  expect(whole.length).toBe(file.bytes);
  return whole.toString('utf8');
}

async function writeAll(): Promise<void> {
  for (let second = 2; await write(second); second += 1) if (second > 200) throw new Error('It never ends');
}

describe('an export', () => {
  test.each([0, 9, 10, 11, 37])('of %i texts has each once, in order, under one head', async (count) => {
    await giveTexts(count);
    const id = await request();
    await writeAll();
    const lines = (await read(id)).trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^id,created_at,direction,/);
    expect(lines).toHaveLength(count + 1);
    const moments = lines.slice(1).map((line) => line.split(',')[1]!);
    expect(moments).toEqual(moments.toSorted());
    expect(new Set(lines).size).toBe(lines.length);
    expect(await listExports(database.db)).toMatchObject([{ state: 'done', rows: count, progress: 1 }]);
  });

  test('is written once by four processes that begin at the same instant, over and over', async () => {
    await giveTexts(95);
    const id = await request();
    for (let round = 0; round < 12; round += 1) {
      await Promise.all([write(2 + round), write(2 + round), write(2 + round), write(2 + round)]);
    }
    const lines = (await read(id)).trimEnd().split('\r\n');
    expect(new Set(lines).size).toBe(96);
    expect(lines).toHaveLength(96);
    expect(faults).toEqual([]);
  });

  test('has nothing that happened after it was asked for, nor before its first moment', async () => {
    await giveTexts(30);
    const id = await request({ from: after(noon, -4 * 60), to: after(noon, 99 * hour) });
    await database.db.execute(
      sql`update sms_messages set created_at = ${after(noon, 2).toISOString()} where id = (select id from sms_messages order by created_at desc limit 1)`,
    );
    await writeAll();
    const lines = (await read(id)).trimEnd().split('\r\n').slice(1);
    const [{ count }] = (
      await database.db.execute<{ count: number }>(sql`
        select count(*)::int as count from sms_messages
        where created_at >= ${after(noon, -4 * 60).toISOString()} and created_at < ${after(noon, 1).toISOString()}`)
    ).rows as [{ count: number }];
    expect(lines).toHaveLength(count);
  });

  test('has rows of one moment in the order of their numbers, each once', async () => {
    await database.db.execute(sql`
      insert into sms_verification_log (at, event)
      select ${after(noon, -60).toISOString()}::timestamptz, 'verified' from generate_series(1, 120)`);
    const id = await request({ kind: 'attempts' });
    await writeAll();
    const numbers = (await read(id))
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => Number(line.split(',')[0]));
    expect(numbers).toHaveLength(120);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('hides numbers in words, too', async () => {
    await database.db.execute(sql`
      insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by, words)
      values (${after(noon, -60).toISOString()}, '+14155550001', 'opted_out', 'phone', '{updates}', 'staff', 'Called from (415) 555-0001')`);
    const [hidden, whole] = [
      await request({ kind: 'opt_outs', wholeNumbers: false }),
      await request({ kind: 'opt_outs' }),
    ];
    await writeAll();
    expect(await read(hidden)).not.toContain('555-0001');
    expect(await read(whole)).toContain('555-0001');
  });

  test('hides numbers unless they are asked for whole', async () => {
    await giveTexts(1);
    const [hidden, whole] = [await request({ wholeNumbers: false }), await request()];
    await writeAll();
    expect(await read(hidden)).not.toContain('4155550001');
    expect(await read(hidden)).toContain('0001');
    expect(await read(whole)).toContain('+14155550001');
  });

  test('as JSON lines is one object a row, whatever stands in it', async () => {
    await giveTexts(1);
    const odd = '=cmd()\n"\u2028,\u0001';
    await database.db.execute(sql`update sms_messages set template = ${odd}`);
    const [lines, csv] = [await request({ format: 'jsonl' }), await request()];
    await writeAll();
    expect(JSON.parse(await read(lines))).toMatchObject({ phone: '+14155550001', template: odd });
    expect(await read(csv)).toContain(`"'=cmd()`);
  });

  test.each(['messages', 'attempts', 'consents', 'opt_outs'] as const)(
    'of %s can be written',
    async (kind) => {
      await giveTexts(3);
      await database.db.execute(sql`
      insert into sms_verification_log (at, event) values (${after(noon, -60).toISOString()}, 'verified')`);
      await database.db.execute(sql`
      insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by)
      values (${after(noon, -60).toISOString()}, '+14155550001', 'opted_out', 'text', '{updates}', 'inbound_webhook')`);
      await database.db.execute(sql`
      insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
      values (${after(noon, -60).toISOString()}, gen_random_uuid(), '+14155550001', 'updates', 'withdrawn', 'sms_stop', 'Doorstep')`);
      const id = await request({ kind });
      await writeAll();
      expect((await read(id)).trimEnd().split('\r\n').length).toBeGreaterThan(1);
      expect(faults).toEqual([]);
    },
  );

  test('with moments that are no moments is written nonetheless', async () => {
    await giveTexts(4);
    await database.db.execute(
      sql`update sms_messages set sent_at = 'infinity', delivered_at = '-infinity', price = 'NaN'`,
    );
    const id = await request();
    await writeAll();
    expect((await read(id)).trimEnd().split('\r\n')).toHaveLength(5);
  });

  test.each([
    ['infinity', '-infinity'],
    ['290000-01-01Z', '4000-01-01 BC'],
  ])('whose row has %s and %s for moments is listed, written to an end and removed', async (late, early) => {
    await giveTexts(4);
    await request();
    await database.pool.query(`update export_jobs set from_at = $2, to_at = $1, next_at = $1`, [late, early]);
    await writeAll();
    expect(faults).toEqual([]);
    await database.pool.query(
      `update export_jobs set created_at = $1, ended_at = $1, from_at = $2, to_at = $1`,
      [late, early],
    );
    const [listed] = await listExports(database.db);
    for (const moment of [listed!.from, listed!.to, listed!.createdAt, listed!.keptUntil!]) {
      expect(dayOf(moment, 'UTC')).toMatch(/^2\d{3}-/);
    }
    await pruneExports(database.db, at(60).now, 10);
    expect(await database.db.$count(exportJobs)).toBe(0);
  });

  test('of more rows than a file may have ends so, and keeps none of them', async () => {
    await giveTexts(45);
    const id = await request();
    for (let second = 2; await write(second, { mostRows: 30 }); second += 1);
    expect(await listExports(database.db)).toMatchObject([{ state: 'too_large' }]);
    await pruneExports(database.db, at(90).now, 100);
    expect(await database.db.select().from(exportParts)).toEqual([]);
    expect(await openExport(database.db, admin, id, at(60))).toBeNull();
  });

  test('that cannot be written is put off, given up after five tries, and holds up no other', async () => {
    await giveTexts(25);
    const broken = await request();
    await database.db
      .update(exportJobs)
      .set({ kind: 'odd' as 'messages' })
      .where(eq(exportJobs.id, broken));
    const good = await request();
    for (let second = 2; second < 2_000; second += 10) await write(second);
    expect(faults).toHaveLength(5);
    expect((await read(good)).trimEnd().split('\r\n')).toHaveLength(26);
    expect(await listExports(database.db)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: broken, state: 'failed' }),
        expect.objectContaining({ id: good, state: 'done' }),
      ]),
    );
  });

  test('goes on at once where a clock that was ahead had put it off, and waits for what an honest clock wrote', async () => {
    await giveTexts(15);
    const id = await request();
    await write(2);
    const putOff = (seconds: number) =>
      database.db
        .update(exportJobs)
        .set({ nextAt: after(noon, seconds) })
        .where(eq(exportJobs.id, id));
    await putOff(2 + 700);
    expect(await write(3)).toBe(false);
    await putOff(2 + 1_200);
    expect(await write(3)).toBe(true);
    expect((await read(id)).trimEnd().split('\r\n')).toHaveLength(16);
  });

  test('takes turns with others', async () => {
    await giveTexts(40);
    const [one, other] = [await request(), await request()];
    for (let second = 2; second < 6; second += 1) await write(second);
    const rows = await database.db.select().from(exportJobs);
    expect(rows.map(({ id, parts }) => [id, parts]).toSorted()).toEqual(
      [
        [one, 2],
        [other, 2],
      ].toSorted(),
    );
  });
});

describe('who may', () => {
  test('an admin whose second step is ten minutes ago is asked to confirm', async () => {
    const id = await request();
    await writeAll();
    const wanted = { kind: 'messages', format: 'csv', wholeNumbers: true, from: noon, to: noon } as const;
    expect(await requestExport(database.db, admin, wanted, at(700))).toEqual({
      ok: false,
      reason: 'confirm_first',
    });
    expect(await openExport(database.db, admin, id, at(700))).toBe('confirm_first');
  });

  test('so many are under way at most, also where all are asked for at the same instant', async () => {
    const wanted = { kind: 'messages', format: 'csv', wholeNumbers: true, from: noon, to: noon } as const;
    const answers = await Promise.all(
      Array.from({ length: mostExportsUnderWay + 4 }, () => requestExport(database.db, admin, wanted, at(1))),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(mostExportsUnderWay);
  });

  test.each(['deactivated', 'given another role', 'signed out'])(
    'ends where its reader is %s in the midst of it, and goes on for others',
    async (how) => {
      const other = await readSessionOf(
        database.db,
        await giveSettledPerson(database.db, { role: 'admin' }),
        noon,
      );
      await giveTexts(37);
      const id = await request();
      await writeAll();
      const open = async (reader: SessionUser) => {
        const file = await openExport(database.db, reader, id, at(60));
        if (file === null || file === 'confirm_first') throw new Error('There is no file');
        expect((await file.pieces.next()).value).toBeInstanceOf(Buffer);
        return file.pieces;
      };
      const [pieces, others] = [await open(admin), await open(other)];
      const shutOut = { userId: admin.userId, author: { operator: 'somebody' } };
      if (how === 'deactivated') await deactivateAccount(database.db, shutOut, at(61));
      else if (how === 'signed out') await endAllSessions(database.db, shutOut, at(61));
      else await changeRole(database.db, { ...shutOut, role: 'staff' }, at(61));
      await expect(pieces.next()).rejects.toThrow('signed out');
      expect((await others.next()).value).toBeInstanceOf(Buffer);
    },
  );

  test('each step is in the audit log, and a removed file is gone with its parts', async () => {
    await giveTexts(12);
    const id = await request();
    await writeAll();
    await read(id);
    expect(await removeExport(database.db, admin, id, at(80))).toBe(true);
    expect(await removeExport(database.db, admin, id, at(80))).toBe(false);
    expect(await removeExport(database.db, admin, 'none', at(80))).toBe(false);
    expect(await openExport(database.db, admin, 'none', at(80))).toBeNull();
    await pruneExports(database.db, at(90).now, 100);
    expect(await database.db.select().from(exportParts)).toEqual([]);
    const { rows } = await database.db.execute<{ action: string }>(sql`
      select action from audit_log where actor_id = ${admin.userId} and action like 'export%' order by id`);
    expect(rows.map(({ action }) => action)).toEqual([
      'export_requested',
      'export_downloaded',
      'export_removed',
    ]);
  });

  test('a file is kept for a day', async () => {
    const id = await request();
    await writeAll();
    expect(await pruneExports(database.db, after(noon, 24 * hour), 10)).toBe(0);
    await database.db.execute(sql`
      update sessions set second_factor_at = ${after(noon, 25 * hour).toISOString()},
        last_seen_at = ${after(noon, 25 * hour).toISOString()}, expires_at = ${after(noon, 99 * hour).toISOString()}
      where id = ${admin.sessionId}`);
    expect(await openExport(database.db, admin, id, at(25 * hour))).toBeNull();
    await pruneExports(database.db, after(noon, 25 * hour), 10);
    expect(await database.db.$count(exportJobs)).toBe(0);
  });
});

test('a worker writes what is asked for, and one that is stopped in between leaves whole parts', async () => {
  await giveTexts(7);
  const wanted = {
    kind: 'messages',
    format: 'csv',
    wholeNumbers: true,
    from: after(noon, -24 * hour),
    to: noon,
  } as const;
  const answer = await requestExport(database.db, admin, wanted, at(1));
  if (!answer.ok) throw new Error(answer.reason);
  const exports = runExports({ db: database.db, log: () => undefined });
  await expect
    .poll(async () => (await listExports(database.db))[0])
    .toMatchObject({ id: answer.id, state: 'done', rows: 7 });
  await exports.stop();
});
