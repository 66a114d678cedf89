import { createHash } from 'node:crypto';
import { encode } from 'next-auth/jwt';
import type { Pool } from 'pg';
import { cookieName } from '@/lib/cookie-names';

/** Someone with an account who is signed in. `address`: where all their requests come from. */
export type BenchPerson = {
  email: string;
  address: string;
  cookies: Record<string, string>;
  /** E.164; null: they have given none yet. */
  phone: string | null;
};

export type People = {
  /** The next person who has no number yet; nobody comes twice. */
  takeNew: () => Promise<BenchPerson>;
  /** The next of those who hold a number and want updates; from the first again after the last. */
  nextHolder: () => Promise<BenchPerson & { phone: string; userId: string }>;
  /** Lets everybody's session be seen a moment ago again, where it was minutes ago, so that no act is another's first visit. */
  keepSeen: () => Promise<void>;
};

/** So many are written down before the first measure, in a second or two. */
const newPeople = 30_000;
const holders = 2_000;

/** Where all of them signed in. */
const signedInFrom = '10.0.0.1';

export const password = 'plum tunnel orbit 9';

/** Fictional people only: no text leaves the machine, since the provider is the fake. */
const areaCodes = [201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218];

let numbers = 0;

/** A number that no other person of this run has, as a person types it, in E.164. */
export function newNumber(): string {
  numbers += 1;
  const area = areaCodes[Math.floor(numbers / 7_000_000)]!;
  return `+1${area}${200 + (Math.floor(numbers / 10_000) % 700)}${String(numbers % 10_000).padStart(4, '0')}`;
}

let addresses = 0;

/** A network that nobody else of this run has: limits are per network. */
export function newAddress(): string {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

let emails = 0;

export function newEmail(): string {
  emails += 1;
  return `newcomer-${emails}@example.com`;
}

/**
 * Writes people and their sessions down, as registering and signing in would have, a moment ago.
 *
 * @param passwordHash of `password`
 */
export async function writePeople(
  pool: Pool,
  { passwordHash, appUrl, authSecret }: { passwordHash: string; appUrl: URL; authSecret: string },
): Promise<People> {
  const all = newPeople + holders;
  await pool.query(
    `insert into users (id, email, email_key, name, password_hash, created_at, password_changed_at, activated_at)
     select md5('person ' || n)::uuid, 'person-' || n || '@example.com', 'person-' || n || '@example.com', 'Person ' || n, $1,
       now(), now(), now() from generate_series(1, $2::int) n`,
    [passwordHash, all],
  );
  await pool.query(
    `insert into sessions (id, user_id, created_at, last_seen_at, expires_at, address, authenticated_at)
     select md5('session ' || n)::uuid, md5('person ' || n)::uuid, now(), now(), now() + interval '30 days',
       $2, now() from generate_series(1, $1::int) n`,
    [all, signedInFrom],
  );
  const phones = Array.from({ length: holders }, newNumber);
  await pool.query(
    `insert into sms_preferences (user_id, enabled, quiet_hours_enabled, updated_at)
     select md5('person ' || n)::uuid, n > $1, n <= $1, now() from generate_series(1, $2::int) n`,
    [newPeople, all],
  );
  await pool.query(
    `update users set phone = given.phone from unnest($1::text[]) with ordinality as given (phone, n)
     where users.id = md5('person ' || ($2 + given.n))::uuid`,
    [phones, newPeople],
  );
  await pool.query(
    `insert into phone_numbers (number, holder_user_id, held_since)
     select given.phone, md5('person ' || ($2 + given.n))::uuid, now()
     from unnest($1::text[]) with ordinality as given (phone, n)`,
    [phones, newPeople],
  );
  await pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     select now(), md5('person ' || ($2 + given.n))::uuid, given.phone, scope, 'granted', 'registration', 'bench', 'Text me.', 'Doorstep'
     from unnest($1::text[]) with ordinality as given (phone, n), unnest(array['verification', 'updates']) as scope`,
    [phones, newPeople],
  );
  await pool.query('analyze');

  const name = cookieName('session', appUrl);
  const describe = async (n: number, phone: string | null): Promise<BenchPerson> => ({
    email: `person-${n}@example.com`,
    address: newAddress(),
    phone,
    cookies: {
      [name]: await encode({ token: { sessionId: idOf(`session ${n}`) }, secret: authSecret, salt: name }),
    },
  });
  let taken = 0;
  let turn = 0;
  return {
    takeNew: async () => {
      taken += 1;
      if (taken > newPeople)
        throw new Error('All people of the bench are used up: measure for fewer seconds.');
      return describe(taken, null);
    },
    keepSeen: async () => {
      await pool.query(
        `update sessions set last_seen_at = now(), authenticated_at = now()
         where address = $1 and last_seen_at < now() - interval '2 minutes'`,
        [signedInFrom],
      );
    },
    nextHolder: async () => {
      const index = turn++ % holders;
      const phone = phones[index]!;
      const n = newPeople + index + 1;
      return { ...(await describe(n, phone)), phone, userId: idOf(`person ${n}`) };
    },
  };
}

/** PostgreSQL's `md5(…)::uuid`. */
function idOf(text: string): string {
  const hex = createHash('md5').update(text).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
