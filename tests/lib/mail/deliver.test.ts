import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { mails } from '@/db/schema/mail';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { runMailer, sendDueMails } from '@/lib/mail/deliver';
import { endLinks } from '@/lib/mail/links';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { openTransport, type MailTransport } from '@/lib/mail/transport';
import { watchLeases, type LeaseWatch } from '@/lib/mail/watch-leases';
import { useDatabase } from '@/tests/support/database';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { openPlanRecorder, type PlanNode } from '@/tests/support/plans';
import { givePerson, newEmail } from '@/tests/support/people';
import { useSmtp } from '@/tests/support/smtp';

const database = useDatabase();
const smtp = useSmtp();

const lines: string[] = [];
const log = openLog({ level: 'info', write: (line) => void lines.push(line) });
const settings = (url = smtp.url) => ({
  ...env(),
  mail: { via: 'smtp' as const, url, from: 'no-reply@example.com' },
});

beforeEach(async () => {
  lines.length = 0;
  smtp.received.length = 0;
  smtp.answers.length = 0;
  await database.db.delete(mails);
});

async function writeMail(email = newEmail(), now = new Date()) {
  const link = { purpose: 'claim', template: 'claimEmail', userId: null, email, now } as const;
  await enqueueLinkMail(database.db, link);
  return email;
}

async function sendAll(transport: MailTransport = openTransport(settings())): Promise<void> {
  while ((await sendDueMails(database.db, transport, log)) > 0);
  transport.close();
}

/** A mailer that has looked at what is claimed as often as it takes to know that nobody renews it. */
async function watchLong(): Promise<LeaseWatch> {
  const watch = watchLeases(0);
  for (let looks = 1; looks < 5; looks += 1) await watch.look(database.db, []);
  return watch;
}

/** Lets what was put off be due. */
async function skipPause(): Promise<void> {
  await database.db.execute(
    sql`update mails set send_after = now() - interval '1 second' where sent_at is null`,
  );
}

/** The parts of a mail, decoded from quoted-printable. */
function decode(source: string): string {
  return source
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

test('a mail goes to its one recipient, from SITE_NAME, in text and HTML with the same link, and is recorded', async () => {
  const email = await writeMail();
  await sendAll();
  expect(smtp.received).toHaveLength(1);
  const [{ from, to, source }] = smtp.received as [(typeof smtp.received)[0]];
  expect([from, to]).toEqual(['no-reply@example.com', [email]]);
  const [row] = await readMailsTo(database.db, email);
  expect(row).toMatchObject({ attempts: 1, sentAt: expect.any(Date), endedAt: null, leaseId: null });
  expect(source).toContain(`Message-ID: <${row!.id}@localhost>`);
  expect(source).toContain('From: Doorstep <no-reply@example.com>');
  expect(source).toContain('Auto-Submitted: auto-generated');
  const token = await readToken(database.db, email);
  const url = `http://localhost:3000/users/register/applicant?link=${token}`;
  const body = decode(source);
  expect(body.split(url)).toHaveLength(4);
  expect(body).toContain(`<a href="${url}"`);
});

test('a failure puts a mail off and it goes out later under the same Message-ID, once', async () => {
  smtp.answers.push({ code: 451, words: 'Greylisted' });
  const email = await writeMail();
  await sendAll();
  expect(smtp.received).toHaveLength(0);
  const [waiting] = await readMailsTo(database.db, email);
  expect(waiting).toMatchObject({ sentAt: null, endedAt: null, attempts: 1 });
  expect(waiting!.sendAfter.getTime()).toBeGreaterThan(Date.now() + 20_000);
  await skipPause();
  await sendAll();
  await sendAll();
  expect(smtp.received).toHaveLength(1);
  expect(smtp.received[0]!.source).toContain(`Message-ID: <${waiting!.id}@localhost>`);
});

test('a mail that fails eight times is given up, visible in its row, and told once', async () => {
  const emails = [await writeMail(), await writeMail()];
  const down: MailTransport = {
    send: async () => ({ ok: false, reason: 'failed', cause: 'ECONNECTION' }),
    close: () => undefined,
  };
  for (let round = 0; round < 9; round += 1) {
    await sendAll(down);
    await skipPause();
  }
  for (const email of emails) {
    const [row] = await readMailsTo(database.db, email);
    expect(row).toMatchObject({ attempts: 8, reason: 'given_up', endedAt: expect.any(Date), sentAt: null });
  }
  expect(lines.filter((line) => line.includes(' error mail_given_up'))).toHaveLength(1);
});

test('a mail over which one mailer after the other dies ends after sixteen', async () => {
  const email = await writeMail();
  let begun = 0;
  const deadly: MailTransport = {
    send: () => {
      begun += 1;
      return new Promise(() => undefined);
    },
    close: () => undefined,
  };
  for (let round = 0; round < 16; round += 1) {
    void sendDueMails(database.db, deadly, log, await watchLong());
    await expect.poll(() => begun).toBe(round + 1);
    await database.db.execute(
      sql`update mails set lease_id = ${randomUUID()}, leased_until = now() - interval '1 second'`,
    );
  }
  await sendDueMails(database.db, deadly, log, await watchLong());
  const [row] = await readMailsTo(database.db, email);
  expect(row).toMatchObject({ reason: 'given_up', endedAt: expect.any(Date), sentAt: null });
  expect(begun).toBe(16);
});

test('an address that the server refuses for good is tried once', async () => {
  smtp.answers.push({ code: 550, words: 'No such user' });
  const email = await writeMail();
  await sendAll();
  const [row] = await readMailsTo(database.db, email);
  expect(row).toMatchObject({ attempts: 1, reason: 'refused', endedAt: expect.any(Date) });
});

test('a login that is refused ends no mail, and no line of the log names the address or the password', async () => {
  const email = await writeMail();
  const url = smtp.url.replace('smtp://', 'smtp://mailer:wrong%20horse@');
  await sendAll(openTransport(settings(url)));
  const [row] = await readMailsTo(database.db, email);
  expect(row).toMatchObject({ attempts: 1, endedAt: null, sentAt: null });
  expect(lines.join('\n')).toContain('mail_not_sent');
  expect(lines.join('\n')).not.toMatch(new RegExp(`${email}|wrong|horse`));
});

test('the login of SMTP_URL is used, with what is escaped in it', async () => {
  await writeMail();
  await sendAll(openTransport(settings(smtp.url.replace('smtp://', 'smtp://mailer:right%20horse@'))));
  expect(smtp.received.map(({ user }) => user)).toEqual(['mailer']);
});

test('without TLS nothing goes to a server that is not this machine', async () => {
  const transport = openTransport(settings(smtp.url.replace('127.0.0.1', '0.0.0.0')));
  const outcome = await transport.send({ id: 'x', to: newEmail(), subject: 'x', text: 'x', html: 'x' });
  expect(outcome).toEqual({ ok: false, reason: 'failed', cause: expect.stringContaining('ETLS') });
  expect(smtp.received).toEqual([]);
  transport.close();
});

test('a broken row keeps no other mail from going out', async () => {
  const broken = newEmail();
  await writeMail(broken, new Date(Date.now() - 60_000));
  await database.db.update(mails).set({ template: 'constructor' }).where(eq(mails.to, broken));
  const others = await Promise.all(Array.from({ length: 20 }, () => writeMail()));
  await sendAll();
  expect(smtp.received.flatMap(({ to }) => to).sort()).toEqual(others.sort());
  const [row] = await readMailsTo(database.db, broken);
  expect(row).toMatchObject({ attempts: 1, sentAt: null, endedAt: null });
});

test('a row whose count of attempts is as high as it can be keeps no other mail from going out', async () => {
  const broken = await writeMail(newEmail(), new Date(Date.now() - 60_000));
  await database.db.update(mails).set({ attempts: 2_147_483_647 });
  const other = await writeMail();
  await sendAll();
  expect(smtp.received.flatMap(({ to }) => to)).toEqual([other]);
  expect((await readMailsTo(database.db, broken))[0]).toMatchObject({ reason: 'given_up' });
});

test.each([-1, -2_147_483_647])('a row whose turn is %i is sent', async (turn) => {
  const email = await writeMail();
  await database.db.update(mails).set({ turn });
  await sendAll();
  expect(smtp.received.flatMap(({ to }) => to)).toEqual([email]);
});

test.each([-1, -2_147_483_648])('a row whose count of attempts is %i is sent', async (attempts) => {
  const email = await writeMail();
  await database.db.update(mails).set({ attempts });
  await sendAll();
  expect(smtp.received.map(({ to }) => to)).toEqual([[email]]);
});

test('a broken row with fewer attempts than none ends after eight', async () => {
  const broken = await writeMail();
  await database.db.update(mails).set({ attempts: -5, template: 'constructor' });
  for (let round = 0; round < 8; round += 1) {
    await sendAll();
    await skipPause();
  }
  expect((await readMailsTo(database.db, broken))[0]).toMatchObject({ attempts: 8, reason: 'given_up' });
});

test('a mail whose link was ended, or that came too late, is not sent', async () => {
  const { userId, email } = await givePerson(database.db, { active: true });
  const link = { purpose: 'confirm', template: 'confirmEmail', userId, email, now: new Date() } as const;
  await enqueueLinkMail(database.db, link);
  await endLinks(database.db, userId, { notMe: 'end', now: new Date() });
  const late = await writeMail(newEmail(), new Date(Date.now() - 25 * 3_600_000));
  await sendAll();
  expect(smtp.received).toEqual([]);
  expect((await readMailsTo(database.db, email))[0]).toMatchObject({ reason: 'link_over' });
  expect((await readMailsTo(database.db, late))[0]).toMatchObject({ reason: 'expired' });
});

test('someone who has many sent is behind the first of everyone else', async () => {
  const past = new Date(Date.now() - 60_000);
  const { userId, email } = await givePerson(database.db, { active: true });
  for (let count = 0; count < 30; count += 1) {
    const link = { purpose: 'confirm', template: 'confirmEmail', userId, email, now: past } as const;
    await enqueueLinkMail(database.db, link);
  }
  const others = await Promise.all(Array.from({ length: 7 }, () => writeMail()));
  expect(await sendDueMails(database.db, openTransport(settings()), log)).toBe(8);
  expect(smtp.received.flatMap(({ to }) => to).sort()).toEqual([email, ...others].sort());
});

test('mails that take long hold up none of the others', async () => {
  const slow = await Promise.all(
    Array.from({ length: 20 }, () => writeMail(newEmail(), new Date(Date.now() - 60_000))),
  );
  let release = () => undefined as void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const sent: string[] = [];
  const transport: MailTransport = {
    send: async ({ to }) => {
      if (slow.includes(to)) await held;
      sent.push(to);
      return { ok: true };
    },
    close: () => undefined,
  };
  const others = await Promise.all(Array.from({ length: 20 }, () => writeMail()));
  const mailer = runMailer({ db: database.db, env: { ...settings(), databaseUrl: database.url }, transport });
  try {
    await expect.poll(() => [...sent].sort(), { timeout: 15_000 }).toEqual([...others].sort());
  } finally {
    release();
    await mailer.stop();
  }
  expect(sent).toHaveLength(40);
  const { rows } = await database.db.execute(sql`select 1 from mails where sent_at is null`);
  expect(rows).toEqual([]);
});

test('nor where the mails are taken one by one, as places become free', async () => {
  const past = new Date(Date.now() - 60_000);
  const { userId, email } = await givePerson(database.db, { active: true });
  for (let count = 0; count < 30; count += 1) {
    const link = { purpose: 'confirm', template: 'confirmEmail', userId, email, now: past } as const;
    await enqueueLinkMail(database.db, link);
  }
  const others = await Promise.all(Array.from({ length: 5 }, () => writeMail()));
  const sent: string[] = [];
  const transport: MailTransport = {
    send: async ({ to }) => {
      sent.push(to);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { ok: true };
    },
    close: () => undefined,
  };
  const mailer = runMailer({ db: database.db, env: { ...settings(), databaseUrl: database.url }, transport });
  try {
    await expect.poll(() => sent.length).toBe(35);
  } finally {
    await mailer.stop();
  }
  // Eight places are taken at first; from then on those who have had none are next.
  expect(Math.max(...others.map((other) => sent.indexOf(other)))).toBeLessThan(16);
});

test('a backlog goes out without a pause between the mails', async () => {
  for (let batch = 0; batch < 10; batch += 1) {
    await Promise.all(Array.from({ length: 20 }, () => writeMail(newEmail(), new Date(Date.now() - 60_000))));
  }
  const sent: string[] = [];
  const transport: MailTransport = {
    send: async ({ to }) => {
      sent.push(to);
      return { ok: true };
    },
    close: () => undefined,
  };
  const mailer = runMailer({ db: database.db, env: { ...settings(), databaseUrl: database.url }, transport });
  try {
    // Pauses of five seconds after each few would take two minutes.
    await expect.poll(() => sent.length, { timeout: 25_000 }).toBe(200);
  } finally {
    await mailer.stop();
  }
});

/** Sends eight mails, and looks at how many rows the claim of them read. */
async function expectShortClaim(): Promise<void> {
  const recorder = openPlanRecorder(database.url);
  try {
    const transport: MailTransport = { send: async () => ({ ok: true }), close: () => undefined };
    expect(await sendDueMails(recorder.db, transport, log)).toBe(8);
    const claim = recorder.ran.find(({ statement }) => statement.includes('update mails set lease_id'))!;
    expect(countRowsRead(claim.plan)).toBeLessThan(3_000);
  } finally {
    await recorder.end();
  }
}

test('a claim reads a page of what is due, however much that is and whatever the planner believes', async () => {
  await database.db.execute(sql`
    insert into mails (id, to_address, template, params, created_at, send_after, expires_at, sent_at)
    select gen_random_uuid(), 'a' || n || '@example.com', 'claimEmail', '{}', now(), now(), now() + interval '1 day', now()
    from generate_series(1, 20000) n`);
  await database.db.execute(sql`vacuum analyze mails`);
  await database.db.execute(sql`
    insert into mails (id, to_address, template, params, created_at, send_after, expires_at)
    select gen_random_uuid(), 'b' || n || '@example.com', 'claimEmail', '{}', now(), now(), now() + interval '1 day'
    from generate_series(1, 5000) n`);
  await expectShortClaim();
});

test('nor does it read more where all failed before, and its accounts had many within the hour', async () => {
  await database.db.execute(sql`
    insert into users (id, email, email_key, name, password_hash, role, created_at, activated_at, password_changed_at)
    select md5('read' || n)::uuid, 'read' || n, 'read' || n, 'P', '-', 'applicant', now(), now(), now()
    from generate_series(1, 500) n`);
  await database.db.execute(sql`vacuum analyze mails`);
  await database.db.execute(sql`
      insert into mails (id, user_id, to_address, template, params, created_at, send_after, expires_at, attempts, turn, sent_at)
      select gen_random_uuid(), md5('read' || 1 + n % 500)::uuid, 'a@example.com', 'claimEmail', '{}', now(),
        now() - interval '1 minute', now() + interval '1 day', 1, 2201, now()
      from generate_series(1, 20000) n`);
  // The planner believes that nothing waits.
  await database.db.execute(sql`vacuum analyze mails`);
  await database.db.execute(sql`alter table mails set (autovacuum_enabled = off)`);
  await database.db.execute(sql`
    insert into mails (id, user_id, to_address, template, params, created_at, send_after, expires_at, attempts, turn)
    select gen_random_uuid(), user_id, to_address, template, params, created_at, send_after, expires_at, 1, 2201 from mails`);
  try {
    await expectShortClaim();
  } finally {
    await database.db.execute(sql`alter table mails reset (autovacuum_enabled)`);
  }
});

/** The rows that all steps of a plan handled, those that a filter threw away too. */
function countRowsRead(node: PlanNode): number {
  const own = (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0);
  const below = (node.Plans ?? []).map(countRowsRead).reduce((sum, rows) => sum + rows, 0);
  return own * (node['Actual Loops'] ?? 1) + below;
}

test('two mailers that send side by side send each mail once', async () => {
  const emails = await Promise.all(Array.from({ length: 60 }, () => writeMail()));
  await Promise.all([sendAll(), sendAll()]);
  expect(smtp.received.flatMap(({ to }) => to).sort()).toEqual(emails.sort());
});

test('what a process that died had claimed is sent by another once the lease is over and nobody renews it', async () => {
  const email = await writeMail();
  await database.db.execute(sql`
    update mails set lease_id = gen_random_uuid(), leased_until = clock_timestamp() + interval '1 minute', attempts = 1, turn = 1201`);
  await sendAll();
  expect(smtp.received).toHaveLength(0);
  const watch = await watchLong();
  await database.db.execute(sql`update mails set leased_until = clock_timestamp() - interval '1 second'`);
  const transport = openTransport(settings());
  for (let looks = 1; looks < 5; looks += 1) await sendDueMails(database.db, transport, log, watch);
  expect(smtp.received).toHaveLength(0);
  await sendDueMails(database.db, transport, log, watch);
  transport.close();
  expect(smtp.received.map(({ to }) => to)).toEqual([[email]]);
});

test('a lease that is renewed, or a row that is held, starts the watch over', async () => {
  const email = await writeMail();
  const past = sql`clock_timestamp() - interval '1 second'`;
  await database.db.execute(
    sql`update mails set lease_id = gen_random_uuid(), leased_until = ${past}, turn = 1201, attempts = 1`,
  );
  const watch = await watchLong();
  await database.db.execute(sql`update mails set leased_until = ${past}`);
  expect(await watch.look(database.db, [])).toEqual([]);
  for (let looks = 2; looks < 5; looks += 1) await watch.look(database.db, []);
  const holder = await database.pool.connect();
  await holder.query('begin');
  await holder.query('select from mails for update');
  expect(await watch.look(database.db, [])).toEqual([]);
  await holder.query('commit');
  holder.release();
  for (let looks = 1; looks < 5; looks += 1) expect(await watch.look(database.db, [])).toEqual([]);
  const [abandoned] = await watch.look(database.db, []);
  const [row] = await readMailsTo(database.db, email);
  expect(abandoned).toMatchObject({ id: row!.id, leaseId: row!.leaseId });
  // Renewed between the look and the claim: whoever sends it wins.
  await database.db.execute(sql`update mails set leased_until = ${past}`);
  expect(await sendDueMails(database.db, openTransport(settings()), log, watch)).toBe(0);
});

test(
  'a mail that takes long is held on to, and another mailer does not send it',
  { timeout: 40_000 },
  async () => {
    const email = await writeMail();
    const sent: string[] = [];
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const transport: MailTransport = {
      send: async ({ to }) => {
        await held;
        sent.push(to);
        return { ok: true };
      },
      close: () => undefined,
    };
    const sending = sendDueMails(database.db, transport, log);
    const leaseLeft = async () => {
      const { rows } = await database.db.execute<{ seconds: number }>(
        sql`select extract(epoch from leased_until - clock_timestamp())::float8 as seconds from mails`,
      );
      return rows[0]!.seconds;
    };
    await expect.poll(leaseLeft, { timeout: 5_000 }).toBeGreaterThan(55);
    await expect.poll(leaseLeft, { timeout: 12_000 }).toBeLessThan(50);
    // Renewed after fifteen seconds.
    await expect.poll(leaseLeft, { timeout: 10_000 }).toBeGreaterThan(55);
    expect(await sendDueMails(database.db, transport, log)).toBe(0);
    release();
    await sending;
    expect(sent).toEqual([email]);
  },
);

describe('header injection', () => {
  test.each([
    'a@example.com>\r\nBcc: other@example.com',
    'a@example.com,other@example.com',
    'Someone <a@example.com>',
    'a@exam\nple.com',
  ])('%j adds no recipient and no header', async (address) => {
    await writeMail(address);
    await sendAll();
    for (const { to, source } of smtp.received) {
      expect(to).toHaveLength(1);
      expect(to[0]).not.toBe('other@example.com');
      expect(source).not.toMatch(/^Bcc:/m);
    }
  });
});

test.each([
  ['the name of the site', { siteName: 'Door\r\nBcc: other@example.com\r\nX: ' }, {}],
  ['the subject', {}, { subject: 'Hello\r\nBcc: other@example.com\r\n\r\nNot the body' }],
  ['the subject, by a bare line feed', {}, { subject: 'Hello\nBcc: other@example.com' }],
  ['the id', {}, { id: 'x>\r\nBcc: other@example.com\r\nY: <y' }],
])('a line break in %s makes no header', async (_where, settings, part) => {
  const mail = { via: 'smtp', url: smtp.url, from: 'no-reply@example.com' } as const;
  const transport = openTransport({
    siteName: 'Doorstep',
    appUrl: new URL('http://localhost'),
    ...settings,
    mail,
  });
  const words = { subject: 'Hello', text: 'The body', html: '<p>The body</p>' };
  const sent = await transport.send({ id: randomUUID(), to: 'person@example.com', ...words, ...part });
  transport.close();
  if (!sent.ok) return expect(smtp.received).toEqual([]);
  const [{ to, source }] = smtp.received as [(typeof smtp.received)[0]];
  expect(to).toEqual(['person@example.com']);
  const [head] = source.split('\r\n\r\n') as [string];
  const names = head.split(/\r\n(?![ \t])/).map((line) => line.slice(0, line.indexOf(':')));
  expect(names).not.toContain('Bcc');
  expect(names).toContain('Subject');
  expect(source).toContain('The body');
});

test('a name with a line break is refused before anything is written', () => {
  for (const name of ['Someone\r\nBcc: other@example.com', 'Some\none', 'Some\u2028one']) {
    expect(
      readRegistration(Object.entries({ email: newEmail(), name, password: 'violet otter cactus' })),
    ).toMatchObject({
      ok: false,
      fieldErrors: { name: expect.stringContaining('line breaks') },
    });
  }
});

test('a running mailer is woken by the commit, and stops with everything recorded', async () => {
  const mailer = runMailer({
    db: database.db,
    env: { ...settings(), databaseUrl: database.url },
    log: (line) => void lines.push(line),
  });
  try {
    await vi.waitFor(async () => {
      const { rows } = await database.db.execute(sql`
        select 1 from pg_stat_activity where query like 'listen doorstep_mail%' and datname = current_database()`);
      expect(rows).toHaveLength(1);
    }, 20_000);
    const email = await writeMail();
    await expect.poll(() => smtp.received.flatMap(({ to }) => to)).toEqual([email]);
  } finally {
    await mailer.stop();
  }
  const { rows } = await database.db.execute(sql`select 1 from mails where sent_at is null`);
  expect(rows).toEqual([]);
});

test('the console prints one line a mail, with subject and body quoted', async () => {
  const email = await writeMail();
  const printed: string[] = [];
  await sendAll(openTransport({ ...env(), mail: { via: 'console' } }, (line) => void printed.push(line)));
  expect(printed).toHaveLength(1);
  const [, to, subject, body] =
    /^\[mail\] to=(\S+) subject=("(?:[^"\\]|\\.)*") body=("(?:[^"\\]|\\.)*")\n$/.exec(printed[0]!)!;
  expect(to).toBe(email);
  expect(JSON.parse(subject!)).toBe('Finish creating your Doorstep account');
  expect(JSON.parse(body!)).toContain(await readToken(database.db, email));
});
