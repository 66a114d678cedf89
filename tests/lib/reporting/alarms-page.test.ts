import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { alarmAlerts, alarmRounds, alarms } from '@/db/schema/alarms';
import { acknowledgeAlarm } from '@/lib/alarms/acknowledge-alarm';
import { alarmKindNames, explainAlarm } from '@/lib/alarms/alarm-kinds';
import { endSession } from '@/lib/accounts/sessions';
import { readAlarmsPage, readOpenAlarms } from '@/lib/reporting/alarms-page';
import { releaseTogether } from '../../support/barrier';
import { recordStatements, useDatabase } from '../../support/database';
import { after, contextAt, givePerson, noon } from '../../support/people';
import { openSession } from '../../support/settled-person';

const database = useDatabase();
const now = noon;

beforeEach(() => database.pool.query('truncate alarms, alarm_alerts, alarm_rounds, audit_log cascade'));

async function writeAlarm(changes: Partial<typeof alarms.$inferInsert> = {}): Promise<string> {
  const id = randomUUID();
  await database.db.insert(alarms).values({
    id,
    kind: 'queue_old',
    subject: id,
    since: after(now, -600),
    openedAt: after(now, -540),
    lastSeenAt: now,
    figures: { codeSeconds: 130, seconds: 130 },
    lastFigures: { codeSeconds: 660, seconds: 700 },
    ...changes,
  });
  return id;
}

async function giveAdmin(): Promise<{ userId: string; sessionId: string }> {
  const { userId } = await givePerson(database.db, { active: true, role: 'admin', now });
  const { sessionId } = await openSession(database.db, userId, now);
  return { userId, sessionId };
}

describe('the list of open alarms', () => {
  test('says what was measured last, since when, what to do and who sees to it, the newest first', async () => {
    const [older, newer] = [await writeAlarm(), await writeAlarm({ openedAt: now, subject: '' })];
    await writeAlarm({ endedAt: now });
    const admin = await giveAdmin();
    await acknowledgeAlarm(database.db, admin, older, contextAt(now));
    const { alarms: open } = await readOpenAlarms(database.db, now);
    const [first, second] = open;
    expect(open.map(({ id }) => id)).toEqual([newer, older]);
    expect(first).toMatchObject({
      subject: null,
      name: 'Texts wait for too long',
      said: 'The oldest code that is due waits for 660 seconds. The oldest text that is due waits for 700 seconds.',
      since: after(now, -600),
      endedAt: null,
      acknowledged: null,
      told: null,
    });
    expect(first!.whatToDo).toContain('dispatcher');
    expect(second!.acknowledged).toEqual({ at: now, by: 'Test Person' });
  });

  test('says whether its opening was told outside', async () => {
    const tell = async (changes: Partial<typeof alarmAlerts.$inferInsert>) => {
      const alarmId = await writeAlarm();
      const row = {
        id: randomUUID(),
        alarmId,
        event: 'opened' as const,
        body: '{}',
        createdAt: now,
        sendAfter: now,
      };
      await database.db.insert(alarmAlerts).values({ ...row, ...changes });
      const { alarms: open } = await readOpenAlarms(database.db, now);
      return open.find(({ id }) => id === alarmId)!.told;
    };
    expect(await tell({})).toEqual({ is: 'waiting', cause: null });
    expect(await tell({ cause: 'http_500' })).toEqual({ is: 'waiting', cause: 'http_500' });
    expect(await tell({ sentAt: now })).toEqual({ is: 'told' });
    expect(await tell({ endedAt: now, cause: 'timeout' })).toEqual({ is: 'given_up' });
  });

  test('says where nobody checks', async () => {
    const read = async () => {
      const { checkedAt, isUnchecked } = await readOpenAlarms(database.db, now);
      return { checkedAt, isUnchecked };
    };
    const check = (checkedAt: Date) =>
      database.db
        .insert(alarmRounds)
        .values({ name: 'alarms', nextAt: now, begunAt: now, checkedAt })
        .onConflictDoUpdate({ target: alarmRounds.name, set: { checkedAt } });
    expect(await read()).toEqual({ checkedAt: null, isUnchecked: true });
    await check(after(now, -299));
    expect(await read()).toEqual({ checkedAt: after(now, -299), isUnchecked: false });
    await check(after(now, -301));
    expect(await read()).toEqual({ checkedAt: after(now, -301), isUnchecked: true });
    // What a clock wrote that was ahead says nothing.
    await check(after(now, 3600));
    expect(await read()).toEqual({ checkedAt: null, isUnchecked: true });
  });

  test('shows a kind of another version by its name, and figures that make no sense', async () => {
    await writeAlarm({ kind: 'constructor', lastFigures: {} });
    await writeAlarm({ kind: 'budget_50', lastFigures: { spentMicros: 'a lot' } });
    const { alarms: open } = await readOpenAlarms(database.db, now);
    expect(open.map(({ name }) => name).sort()).toEqual(['Half of the budget is used', 'constructor']);
  });
});

test('moments that are none are not known, and every page is shown', async () => {
  await writeAlarm();
  await writeAlarm({ endedAt: now });
  await database.pool.query(`update alarms set since = 'infinity', acknowledged_at = '-infinity'`);
  const page = await readAlarmsPage(database.db, now);
  const notKnown = { since: null, acknowledged: null };
  expect(page).toMatchObject({ alarms: [notKnown], ended: [notKnown] });
});

test.each(['null', '[1]', '"none"', '{"spentMicros": null}', '[{"kind": 5}, null]'])(
  'figures and differences that are %s take no page down, nor what else is found',
  async (odd) => {
    await writeAlarm({ kind: 'budget_50' });
    await database.pool.query(`update alarms set last_figures = $1::jsonb`, [odd]);
    await database.pool.query(
      `insert into ledger_checks (part, found_at, differences) values ('consents', '290000-01-01Z', $1::jsonb),
        ('numbers', now(), '[{"kind": "number_held", "count": 2, "examples": ["1"]}]')
        on conflict (part) do update set found_at = excluded.found_at, differences = excluded.differences`,
      [odd],
    );
    const page = await readAlarmsPage(database.db, now);
    expect(page.alarms).toMatchObject([{ kind: 'budget_50', name: 'Half of the budget is used' }]);
    expect(page.ledgers.parts.flatMap(({ differences }) => differences)).toEqual([
      { kind: 'number_held', count: 2, examples: ['1'] },
    ]);
  },
);

test('the page shows the last fifty that have ended, beside all that are open, in three statements', async () => {
  const admin = await giveAdmin();
  for (let n = 0; n < 52; n += 1) {
    await writeAlarm({
      openedAt: after(now, -n * 60),
      endedAt: now,
      acknowledgedAt: now,
      acknowledgedBy: admin.userId,
    });
  }
  const open = await writeAlarm({ openedAt: after(now, -86_400) });
  let page: Awaited<ReturnType<typeof readAlarmsPage>>;
  const statements = await recordStatements(database.pool, async () => {
    page = await readAlarmsPage(database.db, now);
  });
  expect(statements).toHaveLength(4);
  expect(page!.ended).toHaveLength(50);
  expect(page!.alarms.map(({ id }) => id)).toEqual([open]);
  await database.db.delete(users).where(eq(users.id, admin.userId));
  expect((await readAlarmsPage(database.db, now)).ended[0]!.acknowledged).toEqual({ at: now, by: null });
});

test('every kind says in words what it is, what was measured and what to do', () => {
  for (const kind of alarmKindNames) {
    const { name, said, whatToDo } = explainAlarm(kind, {});
    expect([name.length > 5, said.length > 20 || kind === 'queue_old', whatToDo.length > 20]).toEqual([
      true,
      true,
      true,
    ]);
  }
});

describe('acknowledging', () => {
  test('counts for the first of many admins who do it at the same instant, and is in the audit log once', async () => {
    const alarm = await writeAlarm();
    const admins = await Promise.all(Array.from({ length: 4 }, giveAdmin));
    const answers = await releaseTogether(
      database.pool,
      `select 1 from alarms where id = '${alarm}' for update`,
      4,
      admins.map((admin) => () => acknowledgeAlarm(database.db, admin, alarm, contextAt(now))),
    );
    expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value.ok)).toHaveLength(1);
    const rows = await database.db.select().from(auditLog).where(eq(auditLog.action, 'alarm_acknowledged'));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ userId: null, details: { alarm, kind: 'queue_old' } });
  });

  test('is refused by who is no admin any more, whose session has ended, and where there is nothing to acknowledge', async () => {
    const [alarm, ended] = [await writeAlarm(), await writeAlarm({ endedAt: now })];
    const acknowledge = (admin: Awaited<ReturnType<typeof giveAdmin>>, id: string) =>
      acknowledgeAlarm(database.db, admin, id, contextAt(now));
    const [admin, former, signedOut] = [await giveAdmin(), await giveAdmin(), await giveAdmin()];
    await database.db.update(users).set({ role: 'staff' }).where(eq(users.id, former.userId));
    await endSession(database.db, signedOut.sessionId);
    expect(await acknowledge(former, alarm)).toEqual({ ok: false, reason: 'not_admin' });
    expect(await acknowledge(signedOut, alarm)).toEqual({ ok: false, reason: 'not_open' });
    for (const id of [ended, randomUUID(), 'no id']) {
      expect(await acknowledge(admin, id)).toEqual({ ok: false, reason: 'settled' });
    }
    expect(await acknowledge(admin, alarm)).toEqual({ ok: true });
    expect(await acknowledge(admin, alarm)).toEqual({ ok: false, reason: 'settled' });
  });
});
