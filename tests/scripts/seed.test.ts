import { describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { applications } from '@/db/schema/applications';
import { smsMessages } from '@/db/schema/sms';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { verifyPassword } from '@/lib/accounts/password';
import { findUserByEmail } from '@/lib/accounts/users';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { proveFactor } from '@/lib/auth/two-factor/prove-factor';
import { assessPassword } from '@/lib/accounts/password-strength';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { demoPassword, demoTotpKey, seedDemoData } from '../../scripts/commands/seed';
import { useDatabase } from '../support/database';
import { totpAt } from '../support/factors';
import { contextAt } from '../support/people';
import { runScript } from './support/run-script';

const database = useDatabase();
const now = new Date();
/** What the command printed. */
let printed = '';

describe('demo data', () => {
  test('is one open account of each role with the demo password, and a proven number with texts', async () => {
    const { code, out, err } = await runScript('seed', [], {
      DATABASE_URL: database.url,
      APP_URL: 'http://localhost:4711',
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    printed = out;
    expect(out).toContain(demoPassword);
    expect(out).toContain('http://localhost:4711/users/login');
    const people = await database.db.select().from(users);
    expect(people.map(({ email, role }) => [email, role]).sort()).toEqual([
      ['admin@example.com', 'admin'],
      ['applicant@example.com', 'applicant'],
      ['broker@example.com', 'broker'],
      ['staff@example.com', 'staff'],
    ]);
    for (const { email, name, activatedAt, passwordHash } of people) {
      expect(out).toContain(email);
      expect(activatedAt).not.toBeNull();
      expect(await verifyPassword(demoPassword, passwordHash)).toBe(true);
      expect(
        assessPassword(demoPassword, { list: commonPasswords, siteName: 'Doorstep', email, name }).acceptable,
      ).toBe(true);
    }
    expect(await readPersonSms(database.db, 'applicant@example.com')).toMatchObject({
      verified: true,
      enabled: true,
    });
  });

  test('lets broker, staff and admin in by the printed key and by any of their printed recovery codes', async () => {
    for (const role of ['broker', 'staff', 'admin']) {
      const user = (await findUserByEmail(database.db, `${role}@example.com`))!;
      const prove = (kind: 'code' | 'recovery_code', code: string) =>
        proveFactor(database.db, user, { kind, code }, contextAt(new Date()));
      const signedIn = await signIn(
        database.db,
        { email: user.email, password: demoPassword },
        contextAt(new Date()),
      );
      expect(signedIn).toMatchObject({ ok: true, next: 'second_factor' });
      expect(await prove('code', totpAt(demoTotpKey, new Date()))).toMatchObject({ ok: true });
      const codes = printed
        .split(user.email)[1]!
        .split('@')[0]!
        .match(/(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}/g)!;
      expect(codes).toHaveLength(10);
      for (const code of [codes[0]!, codes[9]!]) {
        expect(await prove('recovery_code', code)).toMatchObject({ ok: true });
      }
      expect(await prove('recovery_code', codes[0]!)).toMatchObject({ ok: false });
    }
    expect(printed).toContain(demoTotpKey);
  });

  test('holds nothing that a dispatcher would send', async () => {
    const texts = await database.db.select().from(smsMessages);
    const states = new Set(texts.map(({ status }) => status));
    expect([...states].sort()).toEqual(['canceled', 'delivered', 'failed', 'received', 'sent']);
    expect(texts.every(({ checkAt }) => checkAt === null)).toBe(true);
  });

  test('went out by day, and makes the ledgers differ in nothing once its days are summed up', async () => {
    const zone = { timeZone: 'America/New_York', hour: 'numeric', hourCycle: 'h23' } as const;
    const sent = (await database.db.select().from(smsMessages)).filter(({ sentAt }) => sentAt !== null);
    expect(sent.length).toBeGreaterThan(4);
    for (const { sentAt } of sent) {
      const hour = Number(new Intl.DateTimeFormat('en-US', zone).format(sentAt!));
      expect(hour).toBeGreaterThanOrEqual(9);
      expect(hour).toBeLessThan(20);
    }
    while ((await rollUpDays(database.db, now, 30)) > 0);
    const came: Record<string, unknown> = {};
    await checkAllLedgers(database.db, now, (part, found) => {
      if (found.length > 0) came[part] = found;
    });
    expect(came).toEqual({});
    const { rows } = await database.pool.query(
      'select count(*)::int as days from rolled_days where summed_until is null',
    );
    expect((rows[0] as { days: number }).days).toBeGreaterThan(5);
  });

  test('has applications that the applicant, the broker and staff find', async () => {
    const broker = (await findUserByEmail(database.db, 'broker@example.com'))!;
    const rows = await database.db.select().from(applications);
    expect(rows.map(({ status }) => status).sort()).toEqual(['approved', 'documents_needed', 'submitted']);
    expect(rows.filter(({ assigneeId }) => assigneeId === broker.id)).toHaveLength(2);
  });

  test('a second run changes nothing', async () => {
    const before = await countRows();
    const seeded = await seedDemoData(database.db, now);
    expect(seeded.map(({ created }) => created)).toEqual([false, false, false, false]);
    expect(await countRows()).toEqual(before);
  });

  test('who is missing is made again, and who is there stays as they are', async () => {
    await database.pool.query(`delete from users where email = 'staff@example.com'`);
    await database.pool.query(`update users set name = 'Renamed' where email = 'admin@example.com'`);
    const seeded = await seedDemoData(database.db, now);
    expect(seeded.filter(({ created }) => created).map(({ email }) => email)).toEqual(['staff@example.com']);
    const { rows } = await database.pool.query(`select name from users where email = 'admin@example.com'`);
    expect(rows).toEqual([{ name: 'Renamed' }]);
  });

  test('runs at the same instant make each person once', async () => {
    await database.pool.query('delete from users');
    await database.pool.query('delete from sms_messages');
    const runs = await Promise.all(Array.from({ length: 4 }, () => seedDemoData(database.db, now)));
    for (let person = 0; person < 4; person += 1) {
      expect(runs.filter((run) => run[person]!.created)).toHaveLength(1);
    }
  });

  test('a public address is refused with one line and code 1, before anything is written', async () => {
    const { code, out, err } = await runScript('seed', [], {
      DATABASE_URL: database.url,
      APP_URL: 'https://portal.example.com',
      ...{
        SMS_BACKEND: 'twilio',
        TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
        TWILIO_AUTH_TOKEN: 'token-for-tests-only',
        TWILIO_FROM_PHONE: '+15005550006',
        OPERATOR_NAME: 'Example Housing, Inc.',
        OPERATOR_CONTACT: 'help@example.com',
      },
    });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^[^\n]*APP_URL is public \(https:\/\/portal\.example\.com\): nothing was written\.\n$/,
    );
  });
});

async function countRows(): Promise<unknown> {
  const { rows } = await database.pool.query(`
    select (select count(*) from users) as users, (select count(*) from sms_messages) as texts,
      (select count(*) from sms_verification_log) as attempts, (select count(*) from sms_consents) as consents,
      (select count(*) from audit_log) as audits, (select count(*) from sms_preferences) as preferences`);
  return rows[0];
}

test('days that had sums before the demo data was written are summed up again', async () => {
  await database.pool.query('truncate users, sms_messages, sms_rollups, event_rollups cascade');
  await database.pool.query(
    `insert into rolled_days (day, time_zone, rolled_at) select at, 'America/New_York', now() - interval '1 hour'
     from generate_series(current_date - 60, current_date - 1, interval '1 day') at on conflict do nothing`,
  );
  await seedDemoData(database.db, now);
  while ((await rollUpDays(database.db, now, 30)) > 0);
  const { rows } = await database.pool.query(
    `select (select sum(texts)::int from sms_rollups where kind = 'purpose') as summed,
       (select count(*)::int from sms_messages where created_at < date_trunc('day', $1::timestamptz at time zone 'America/New_York')
          at time zone 'America/New_York') as texts`,
    [now],
  );
  const { summed, texts } = rows[0] as { summed: number; texts: number };
  expect(texts).toBeGreaterThan(4);
  expect(summed).toBe(texts);
});
