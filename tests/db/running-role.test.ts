import { Client, Pool } from 'pg';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { drizzle } from 'drizzle-orm/node-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrateDatabase, readSchemaState } from '@/db/migrate';
import { admitRunningRole } from '@/db/running-role';
import { grantConsent } from '@/lib/consent/ledger';
import { findMigrator, prepareDatabase } from '../../scripts/prepare-database';
import { useDatabase } from '../support/database';
import { contextAt, givePerson, newPhone, noon } from '../support/people';

// Only to be where a database can be made; the one under test begins empty.
const server = useDatabase();
const suffix = randomUUID().slice(0, 8);
const [owner, running, name] = [`owner_${suffix}`, `running_${suffix}`, `two_roles_${suffix}`];

const urlOf = (role: string): string => {
  const url = new URL(server.url);
  Object.assign(url, { username: role, password: 'hush', pathname: `/${name}` });
  return url.href;
};
const urls = { url: urlOf(running), ownerUrl: urlOf(owner) };
const said: string[] = [];
const say = (line: string) => said.push(line);

let pool: Pool;
beforeAll(async () => {
  for (const role of [owner, running]) {
    await server.pool.query(`create role ${role} login password 'hush'`);
  }
  await server.pool.query(`create database ${name} owner ${owner}`);
  pool = new Pool({ connectionString: urls.url });
  // Its connections may still be ending when the database is dropped.
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  await server.pool.query(`drop database ${name} with (force)`);
  for (const role of [running, owner]) await server.pool.query(`drop role ${role}`);
});

/** The block of SQL in the documentation that begins so. */
function readDocs(start: string): string {
  const text = readFileSync('docs/operations.md', 'utf8');
  const from = text.indexOf(start);
  expect(from).toBeGreaterThan(0);
  return text.slice(from, text.indexOf('```', from));
}

describe('with a role that owns and one that serves', () => {
  test('the owner migrates, twice without harm, and lets the other one in', async () => {
    expect(await prepareDatabase(urls, say)).toBe('owner');
    expect(await prepareDatabase(urls, say)).toBe('owner');
    expect(said).toEqual([]);
    expect(await readSchemaState(urls.url)).toEqual({ missing: 0, mayMigrate: false });
  });

  test('a dozen machines that start at the same moment all let it in', async () => {
    const starts = Array.from({ length: 12 }, () => admitRunningRole(urls.ownerUrl, urls.url));
    expect(await Promise.all(starts)).toEqual(starts.map(() => ({ name: running, mayAlter: false })));
  });

  test('the one that serves reads and writes rows, and the sequences go on', async () => {
    const db = drizzle(pool);
    const phone = newPhone();
    const { userId } = await givePerson(db, { active: true, phone });
    await db.transaction((tx) =>
      grantConsent(tx, { userId, phone, scopes: ['updates'], medium: 'registration' }, contextAt(noon)),
    );
    const { rows } = await pool.query('select count(*)::int as count from sms_consents');
    expect(rows).toEqual([{ count: 1 }]);
  });

  test.each([
    'drop trigger sms_consents_append_only_rows on sms_consents',
    'alter table sms_consents disable trigger all',
    'create or replace function refuse_change_of_consents() returns trigger language plpgsql as $$ begin return old; end $$',
    'drop table sms_consents cascade',
    'truncate sms_messages cascade',
    'create table mine (id int)',
    'set session_replication_role = replica',
    'delete from drizzle.__drizzle_migrations',
  ])('the one that serves may not: %s', async (statement) => {
    await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('nor can it change or delete what the ledger holds', async () => {
    await expect(pool.query('delete from sms_consents')).rejects.toThrow('append-only');
    await expect(pool.query(`update sms_consents set sender = 'x'`)).rejects.toThrow('append-only');
  });

  test('the owner learns which session of the other one holds a table, and each ends its own sessions alone', async () => {
    const [holder, ending, migrating] = [urls.url, urls.url, urls.ownerUrl].map(
      (connectionString) => new Client({ connectionString }),
    );
    const ended = new Promise((resolve) => holder!.on('error', resolve));
    await Promise.all([holder, ending, migrating].map((client) => client!.connect()));
    await holder!.query('begin; select from users');
    const { rows } = await migrating!.query(readDocs('select l.relation::regclass as held'));
    expect(rows).toContainEqual(expect.objectContaining({ held: 'users', usename: running }));
    await ending!.query(readDocs('select pg_terminate_backend'));
    await ended;
    await migrating!.query('select 1');
    await Promise.all([ending!.end(), migrating!.end()]);
  });

  test('tables and sequences that come later are open to it too', async () => {
    const client = new Client({ connectionString: urls.ownerUrl });
    await client.connect();
    await client.query('create table later (id bigint generated always as identity, word text)');
    await client.query('create table serial_later (id serial)');
    await client.end();
    await pool.query(`insert into later (word) values ('kept')`);
    await pool.query('insert into serial_later default values');
    expect((await pool.query('select id, word from later')).rows).toEqual([{ id: '1', word: 'kept' }]);
  });

  test('without the URL of the owner a start only looks, and says what to run when a migration is missing', async () => {
    const alone = { url: urls.url, ownerUrl: null };
    expect(await prepareDatabase(alone, say)).toBe('nobody');
    await server.pool.query('select 1');
    const client = new Client({ connectionString: urls.ownerUrl });
    await client.connect();
    const last = 'where created_at = (select max(created_at) from drizzle.__drizzle_migrations)';
    const { rows } = await client.query(
      `delete from drizzle.__drizzle_migrations ${last} returning hash, created_at`,
    );
    await expect(findMigrator(alone)).rejects.toThrow(
      'The database lacks 1 migration of this release, and the role of DATABASE_URL does not own the tables: run npm run migrate with DATABASE_OWNER_URL first.',
    );
    const { hash, created_at } = rows[0] as Record<string, unknown>;
    await client.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [
      hash,
      created_at,
    ]);
    await client.end();
  });

  test('one role in both URLs is refused, and one that is too mighty is named', async () => {
    await expect(prepareDatabase({ url: urls.ownerUrl, ownerUrl: urls.ownerUrl }, say)).rejects.toThrow(
      /^DATABASE_URL and DATABASE_OWNER_URL use the same role, owner_\w+: give each one of its own$/,
    );
    await server.pool.query(`grant ${owner} to ${running}`);
    expect(await admitRunningRole(urls.ownerUrl, urls.url)).toEqual({ name: running, mayAlter: true });
    await server.pool.query(`revoke ${owner} from ${running}`);
    await expect(prepareDatabase({ url: urls.ownerUrl, ownerUrl: urls.url }, say)).rejects.toThrow(
      'The role of DATABASE_OWNER_URL does not own the tables: give the one that does.',
    );
  });
});

test('a role that owns the tables from the time when it was the only one is named as too mighty', async () => {
  const [only, database] = [`only_${suffix}`, `one_role_${suffix}`];
  const urlAs = (role: Partial<URL>): string =>
    Object.assign(new URL(server.url), { ...role, pathname: `/${database}` }).href;
  const [superuser, url] = [urlAs({}), urlAs({ username: only, password: 'hush' })];
  await server.pool.query(`create role ${only} login password 'hush'`);
  await server.pool.query(`create database ${database}`);
  await server.pool.query(`grant create on database ${database} to ${only}`);
  const client = new Client({ connectionString: superuser });
  await client.connect();
  await client.query(`grant create on schema public to ${only}`);
  await migrateDatabase(url);
  expect(await admitRunningRole(superuser, url)).toEqual({ name: only, mayAlter: true });
  await client.query(
    `reassign owned by ${only} to current_user; revoke create on schema public from ${only}`,
  );
  expect(await admitRunningRole(superuser, url)).toEqual({ name: only, mayAlter: false });
  await client.end();
  await server.pool.query(`drop database ${database} with (force)`);
  await server.pool.query(`drop role ${only}`);
});

test('with one role for both, that role migrates', async () => {
  const alone = { url: server.url, ownerUrl: null };
  expect(await findMigrator(alone)).toBe('same_role');
  await migrateDatabase(server.url);
});
