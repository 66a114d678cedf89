import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import '@/db/client';
import { insertUser } from '@/lib/accounts/users';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { noon } from '@/tests/support/people';

const database = useDatabase();

test('a failed statement tells its text and code, and none of its values', async () => {
  const user = {
    email: 'someone.secret@example.com',
    name: 'Someone Secret',
    passwordHash: 'v1$2b$12$secret',
    phone: '+15551234567',
    active: true,
    now: noon,
  };
  await insertUser(database.db, { ...user, id: newId() });
  const error: unknown = await insertUser(database.db, { ...user, id: newId() }).catch(
    (caught: unknown) => caught,
  );
  const shown = inspect(error, { depth: 9, showHidden: true });
  expect(shown).toContain('insert into "users"');
  expect(shown).toContain('23505');
  expect(shown).not.toMatch(/secret|5551234567/i);
  expect(error).toMatchObject({ cause: { code: '23505' } });
});
