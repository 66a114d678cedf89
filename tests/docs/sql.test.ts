import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { contextAt } from '../support/people';
import { askForUpdate, askPolicy, makeEnv, makePerson, readText, type Person } from '../support/texts';

const database = useDatabase();

type Block = { file: string; line: number; sql: string };

/** Every block of SQL in the documentation, statements within a sentence too, and where it begins. */
function findBlocks(): Block[] {
  const files = [
    'README.md',
    ...readdirSync('docs', { recursive: true }).map((name) => join('docs', String(name))),
  ];
  return files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return [
        ...text.matchAll(
          /^ *```sql\n([\s\S]*?)^ *```$|`((?:select|update|delete from|insert into) [^`]+)`/gm,
        ),
      ].map((match) => ({
        file,
        line: text.slice(0, match.index).split('\n').length,
        sql: match[1] ?? match[2]!,
      }));
    });
}

/**
 * What a block does, without what no transaction can take back: a new database, the end of other connections. Its roles get
 * names that are not those of this server.
 */
function makeHarmless(sql: string): { statements: string; missingRoles: string[] } {
  const rolesOf = (statement: string) =>
    [...sql.matchAll(new RegExp(`${statement} role (\\w+)`, 'g'))].map(([, role]) => role!);
  const made = rolesOf('create');
  const changed = rolesOf('alter');
  const rename = (text: string) =>
    [...new Set([...made, ...changed])].reduce(
      (renamed, role) => renamed.replace(new RegExp(`\\b${role}\\b`, 'g'), `docs_${role}`),
      text,
    );
  const statements = sql
    .replace(/^ *create database .*;$/gm, '')
    // psql's own: of what it saves, the question is left; what it reads in comes from files.
    .replace(saved, '$1;')
    .replace(readIn, '')
    .replaceAll('pg_terminate_backend(pid)', 'pid');
  const missing = changed.filter((role) => !made.includes(role));
  return {
    statements: rename(statements),
    missingRoles: [...new Set(missing)].map((role) => `docs_${role}`),
  };
}

/** Runs a block in a transaction that comes to nothing. */
async function tryOut(client: PoolClient, { sql }: Block): Promise<void> {
  const { statements, missingRoles } = makeHarmless(sql);
  await client.query('begin');
  try {
    for (const role of missingRoles) await client.query(`create role ${role}`);
    await client.query(statements);
  } finally {
    await client.query('rollback');
  }
}

/** A line of psql that writes what a question finds into a file, and one that reads a file into a table. */
const saved = /^ *\\copy \((.*)\) to (\S+) csv$/gm;
const readIn = /^ *\\copy (\w+) from (\S+) csv$/gm;

const blocks = findBlocks();

test('the documentation has SQL', () => {
  expect(blocks.length).toBeGreaterThan(15);
});

describe('SQL of the documentation runs against the schema as it is', () => {
  test.each(blocks.map((block) => [`${block.file}:${block.line}`, block] as const))(
    '%s',
    async (_, block) => {
      const client = await database.pool.connect();
      try {
        await tryOut(client, block);
      } finally {
        client.release();
      }
    },
  );
});

describe('after a restore', () => {
  const restore = readFileSync('docs/operations.md', 'utf8').split('### A restore from a backup')[1]!;
  const findSql = (start: string): string => {
    const from = restore.indexOf(start);
    expect(from).toBeGreaterThan(0);
    return restore.slice(from, restore.indexOf('```', from));
  };

  const lost = useDatabase();

  /** All rows of the tables as they are, as a backup takes them. */
  async function restoreFromLost(): Promise<void> {
    for (const table of [
      'users',
      'sms_preferences',
      'phone_numbers',
      'sms_consents',
      'sms_opt_outs',
      'sms_messages',
    ]) {
      const { rows } = await lost.pool.query<{ row: unknown }>(`select to_jsonb(t) as row from ${table} t`);
      const { rows: written } = await lost.pool.query<{ columns: string }>(
        `select string_agg(column_name, ', ') as columns from information_schema.columns
         where table_name = $1 and is_generated = 'NEVER'`,
        [table],
      );
      const { columns } = written[0]!;
      for (const { row } of rows) {
        await database.pool.query(
          `insert into ${table} (${columns}) overriding system value select ${columns} from jsonb_populate_record(null::${table}, $1)`,
          [row],
        );
      }
      const serial = await database.pool.query<{ name: string | null }>(
        `select case when exists (select from information_schema.columns where table_name = $1 and is_identity = 'YES')
           then pg_get_serial_sequence($1, 'id') end as name`,
        [table],
      );
      const { name } = serial.rows[0]!;
      if (name) await database.pool.query(`select setval('${name}', 1000)`);
    }
  }

  /** The files that the runbook has an operator save from the lost database. */
  async function save(since: Date): Promise<Map<string, unknown[][]>> {
    const files = new Map<string, unknown[][]>();
    for (const [, question, file] of findSql('\\copy (').matchAll(saved)) {
      const text = question!.replaceAll('2026-01-31 06:00+00', since.toISOString());
      // As a file has them: as they are written, not as values of JavaScript.
      const types = { getTypeParser: () => (written: string) => written };
      const { rows } = await lost.pool.query<unknown[]>({ text, rowMode: 'array', types });
      files.set(file!, rows);
    }
    return files;
  }

  async function bringBack(files: Map<string, unknown[][]>): Promise<void> {
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      const lines = findSql('create temp table').split(/^( *\\copy .*)$/m);
      for (const part of lines) {
        const [, table, file] = new RegExp(readIn.source).exec(part) ?? [];
        if (table === undefined) await client.query(part);
        for (const row of table === undefined ? [] : files.get(file!)!) {
          const values = row.map((value) => (value === null ? 'null' : client.escapeLiteral(String(value))));
          await client.query(`insert into ${table} values (${values.join(', ')})`);
        }
      }
      await client.query('drop table numbers, opt_outs, withdrawals, stops');
      await client.query('commit');
    } finally {
      client.release();
    }
  }

  async function ask(person: Person) {
    const id = await askForUpdate(database.db, person);
    return askPolicy(database.db, { id }, { now: new Date(), env: makeEnv(database.url) });
  }

  test('nothing that waited goes out, and every opt-out since the backup holds, in both ledgers, once', async () => {
    const [texted, carried, turnedOff, content, left] = await Promise.all(
      [1, 2, 3, 4, 5].map(() => makePerson(lost.db)),
    );
    const waited = await askForUpdate(lost.db, content!);
    await restoreFromLost();

    const since = new Date();
    const said = { sender: '+15005550006', words: 'Stop, "now"', providerSid: `SM${'1'.repeat(32)}` };
    await lost.db.transaction((tx) => optOut(tx, { phone: texted!.phone, by: 'sms_stop', now: since, said }));
    await lost.db.transaction((tx) => optOut(tx, { phone: carried!.phone, by: 'carrier_stop', now: since }));
    await lost.db.transaction((tx) => optOut(tx, { phone: '+12125550199', by: 'sms_stop', now: since }));
    await turnTextsOff(lost.db, turnedOff!, contextAt(since));
    // Of a STOP that the chores have not finished yet.
    await lost.pool.query(
      `insert into sms_unfinished_stops (phone, is_late, medium, at, through_id, after_user_id)
       values ($1, false, 'sms_stop', $2, 1000000, '00000000-0000-0000-0000-000000000000')`,
      [left!.phone, since],
    );
    const files = await save(since);

    await database.pool.query(findSql('update sms_messages set status'));
    expect((await readText(database.db, waited)).status).toBe('canceled');
    for (const person of [texted, carried, turnedOff, content, left]) {
      expect(await ask(person!)).toMatchObject({ answer: 'send' });
    }
    await bringBack(files);
    await bringBack(files);
    expect(await ask(texted!)).toMatchObject({ answer: 'refuse', reason: 'stopped' });
    expect(await ask(carried!)).toMatchObject({ answer: 'refuse', reason: 'stopped' });
    expect(await ask(turnedOff!)).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
    expect(await ask(left!)).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
    expect(await ask(content!)).toMatchObject({ answer: 'send' });
    for (const question of [
      'select at, recorded_at, act, channel, covers, senders, said_to, sender, words, provider_sid, user_id, recorded_by, phone from sms_opt_outs order by phone',
      'select at, user_id, scope, action, medium, sender from sms_consents order by user_id, scope, action',
      'select number, suppressed_at, suppressed_by, suppressed_senders, stop_said_to from phone_numbers order by number',
      'select user_id, enabled from sms_preferences order by user_id',
    ]) {
      const [had, has] = await Promise.all([lost.pool.query(question), database.pool.query(question)]);
      expect(has.rows).toEqual(had.rows);
    }
  });
});
