import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database';
import { askForUpdate, askPolicy, makeEnv, makePerson, readText } from '../support/texts';

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
  const rolesOf = (deed: string) =>
    [...sql.matchAll(new RegExp(`${deed} role (\\w+)`, 'g'))].map(([, role]) => role!);
  const made = rolesOf('create');
  const changed = rolesOf('alter');
  const rename = (text: string) =>
    [...new Set([...made, ...changed])].reduce(
      (renamed, role) => renamed.replace(new RegExp(`\\b${role}\\b`, 'g'), `docs_${role}`),
      text,
    );
  const statements = sql
    .replace(/^ *create database .*;$/gm, '')
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

  test('nothing that waited goes out, and an opt-out that is brought back holds', async () => {
    const person = await makePerson(database.db, { phone: '+12125550100' });
    const waited = await askForUpdate(database.db, person);
    await database.pool.query(findSql('update sms_messages set status'));
    expect((await readText(database.db, waited)).status).toBe('canceled');
    await database.pool.query(findSql('insert into phone_numbers'));
    const id = await askForUpdate(database.db, person);
    const answer = await askPolicy(database.db, { id }, { now: new Date(), env: makeEnv(database.url) });
    expect(answer).toMatchObject({ answer: 'refuse', reason: 'stopped' });
  });

  test('what someone took back on a page ends updates to them', async () => {
    const person = await makePerson(database.db);
    await database.pool.query(`update users set email_key = 'person@example.com' where id = $1`, [
      person.userId,
    ]);
    const ask = async () =>
      askPolicy(
        database.db,
        { id: await askForUpdate(database.db, person) },
        {
          now: new Date(),
          env: makeEnv(database.url),
        },
      );
    expect(await ask()).toMatchObject({ answer: 'send' });
    await database.pool.query(findSql('insert into sms_consents'));
    expect(await ask()).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
  });
});
