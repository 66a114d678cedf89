import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { endPumpingOrder, orderPumping } from '@/lib/auth/admin/order-pumping';
import { newId } from '@/lib/random';
import { readPumpingPage } from '@/lib/reporting/pumping-page';
import { endSession } from '@/lib/accounts/sessions';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, givePerson, noon } from '@/tests/support/people';
import { giveSettledPerson, type SettledPerson } from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase();
const at = (seconds = 60) => contextAt(after(noon, seconds));
const phone = '+12125550123';
const day = 24 * 3600;
let admin: SettledPerson;

beforeEach(async () => {
  await database.db.execute(sql`truncate pumping_orders, users, audit_log cascade`);
  admin = await giveSettledPerson(database.db, { role: 'admin', phone: null });
});

const order = (change: Partial<Parameters<typeof orderPumping>[2]> = {}, context = at(), by = admin) =>
  orderPumping(
    database.db,
    by,
    { kind: 'blocked', about: 'range', phone, days: 7, reason: 'pumped', ...change },
    context,
  );

const page = (seconds = 61) =>
  readPumpingPage(database.db, { adminId: admin.userId, now: after(noon, seconds) });

/** A closure by the guard. */
async function giveClosure(begun: Date, hours = 1): Promise<string> {
  const id = newId();
  const figures = { window: 'day', unverified: 24, threshold: 20, networks: 12, verified: 3 };
  await database.db.execute(sql`
    insert into pumping_orders (id, kind, scope, begun_at, ends_at, figures)
    values (${id}, 'closed', 'prefix:+1212555', ${begun.toISOString()}::timestamptz,
      ${begun.toISOString()}::timestamptz + make_interval(hours => ${hours}), ${JSON.stringify(figures)}::jsonb)`);
  return id;
}

describe('an order of an admin', () => {
  test('holds until its end, replaces the one before, and is in the audit without the number', async () => {
    expect(await order()).toEqual({ ok: true });
    expect(await order({ kind: 'allowed', days: 3, reason: 'a launch' }, at(70))).toEqual({ ok: true });
    expect(await order({ about: 'number' }, at(80))).toEqual({ ok: true });
    const { standing, past } = await page(90);
    expect(standing).toMatchObject([
      {
        kind: 'allowed',
        about: { is: 'range', digits: '+1212555' },
        endsAt: after(noon, 70 + 3 * day),
        ordered: { by: admin.name, reason: 'a launch' },
      },
      { kind: 'blocked', about: { is: 'number', digits: '0123' } },
    ]);
    expect(past).toMatchObject([{ kind: 'blocked', about: { is: 'range' }, endsAt: after(noon, 70) }]);
    const entries = await database.db.select().from(auditLog);
    expect(entries.map(({ action }) => action)).toEqual(Array(3).fill('pumping_ordered'));
    expect(JSON.stringify(entries)).not.toMatch(/2125550123|1212555/);
    const { rows } = await database.db.execute(sql`select * from pumping_orders where scope like 'number:%'`);
    expect(JSON.stringify(rows)).not.toContain('2125550123');
  });

  test('needs a second factor that was shown lately, an open session, an admin, and a number of days', async () => {
    expect(await order({}, at(900))).toMatchObject({ ok: false, reason: 'confirm_first' });
    for (const days of [0, 91, 1.5])
      expect(await order({ days })).toEqual({ ok: false, reason: 'wrong_days' });
    const staff = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    expect(await order({}, at(), staff)).toEqual({ ok: false, reason: 'not_admin' });
    await endSession(database.db, admin.sessionId);
    expect(await order()).toMatchObject({ ok: false });
    expect((await page()).standing).toEqual([]);
    expect(await database.db.$count(auditLog)).toBe(0);
  });

  test('of two at the same instant one holds', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => order({ kind: n % 2 === 0 ? 'allowed' : 'blocked' })),
    );
    expect(answers).toEqual(Array(6).fill({ ok: true }));
    expect((await page()).standing).toHaveLength(1);
  });
});

describe('what the page says', () => {
  test('counts whom a closure caught, and who of them entered a code later', async () => {
    const id = await giveClosure(noon);
    const people = await Promise.all([1, 2, 3].map(() => givePerson(database.db, { active: true })));
    for (const [index, { userId }] of people.entries()) {
      await database.db.execute(sql`
        insert into pumping_hits (order_id, user_id, at, verified_at)
        values (${id}, ${userId}, now(), case when ${index === 0}::boolean then now() end)`);
    }
    // Whoever is gone counts, and has no name.
    await database.db.execute(sql`delete from users where id = ${people[2]!.userId}`);
    const { standing } = await page();
    expect(standing).toMatchObject([{ kind: 'closed', caught: 3, harmed: 1, figures: { unverified: 24 } }]);
    expect(standing[0]!.people.map(({ id: who }) => who).sort()).toEqual(
      [people[0]!.userId, people[1]!.userId].sort(),
    );
  });

  test('a closure is opened again once, with a reason, and stays in the list for thirty days', async () => {
    const id = await giveClosure(noon, 2);
    const end = (seconds: number) =>
      endPumpingOrder(database.db, admin, { id, reason: 'a school' }, at(seconds));
    expect(await end(60)).toEqual({ ok: true });
    expect(await end(61)).toEqual({ ok: false, reason: 'settled' });
    expect(await endPumpingOrder(database.db, admin, { id: 'none', reason: 'x' }, at())).toEqual({
      ok: false,
      reason: 'settled',
    });
    const { standing, past } = await page(90);
    expect(standing).toEqual([]);
    expect(past).toMatchObject([
      { id, endsAt: after(noon, 60), ended: { by: admin.name, reason: 'a school' } },
    ]);
    expect((await page(29 * day)).past).toHaveLength(1);
    expect((await page(31 * day)).past).toHaveLength(0);
  });
});
