import { sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import { secondFactorGrace } from '@/db/schema/two-factor';
import type { Db } from '@/db/client';
import { lacksFactor } from '@/lib/accounts/factors';
import { readAdminTimeZone } from './admin-time-zone';

/** The people of a role who can sign in and hold no second factor yet: how many, and some of them by name. */
export type WithoutFactor = {
  role: Exclude<Role, 'applicant'>;
  count: number;
  first: { id: string; name: string }[];
  /** Until when they may do without one; null: they may not. */
  graceUntil: Date | null;
};

/** So many of each role are named. */
const mostNamed = 20;

const roles = ['broker', 'staff', 'admin'] as const;

/** Reads all that the page about second factors shows to an admin. */
export async function readWithoutFactor(
  db: Db,
  { adminId, now }: { adminId: string; now: Date },
): Promise<{ roles: WithoutFactor[]; timeZone: string }> {
  const [rows, graces, timeZone] = await Promise.all([
    listWithoutFactor(db),
    db.select().from(secondFactorGrace),
    readAdminTimeZone(db, adminId),
  ]);
  const graceOf = (role: Role) => graces.find((grace) => grace.role === role && grace.endsAt > now);
  return {
    roles: roles.map((role) => {
      const people = rows.filter((row) => row.role === role);
      return {
        role,
        count: people[0]?.total ?? 0,
        first: people.map(({ id, name }) => ({ id, name })),
        graceUntil: graceOf(role)?.endsAt ?? null,
      };
    }),
    timeZone,
  };
}

type Row = { id: string; name: string; role: Role; total: number };

async function listWithoutFactor(db: Db): Promise<Row[]> {
  const { rows } = await db.execute<Row>(sql`
    select id, name, role, total from (
      select users.id, users.name, users.role, count(*) over (partition by users.role)::int as total,
        row_number() over (partition by users.role order by lower(users.name), users.id) as place
      from users where ${lacksFactor} and activated_at is not null and deactivated_at is null
    ) lacking where place <= ${mostNamed} order by role, place`);
  return rows;
}
