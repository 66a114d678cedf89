import { inTurn, withClient } from './migrate';

export type RunningRole = {
  name: string;
  /**
   * Whether it could change tables and triggers all the same: a superuser, a member of the owner, or the owner of the
   * schema, of a table or of a function in it, as the only role of earlier days still is.
   */
  mayAlter: boolean;
};

/**
 * Lets the role of `databaseUrl` read and write rows, of today's tables and of those to come, and nothing else: it owns
 * nothing, so it can neither drop the triggers that keep the ledgers nor truncate a table. Idempotent; run it by the
 * owner after the migrations. One process at a time does it or migrates, since PostgreSQL refuses one of two that change the
 * rights of a table at the same moment; `say` gets one line when it is another's turn. Throws an Error of one line when
 * both URLs mean the same role.
 */
export async function admitRunningRole(
  ownerUrl: string,
  databaseUrl: string,
  say: (line: string) => void = () => undefined,
): Promise<RunningRole> {
  const name = await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>('select current_user::text as name');
    return rows[0]!.name;
  });
  return withClient(ownerUrl, async (client) => {
    const { rows } = await client.query<{ same: boolean; mighty: boolean }>(
      `select current_user = $1 as same,
         rolsuper or pg_has_role(oid, current_user, 'member')
           or exists (select from pg_namespace where nspname in ('public', 'drizzle') and pg_has_role(r.oid, nspowner, 'member'))
           or exists (select from pg_class c join pg_namespace n on n.oid = relnamespace
             where nspname in ('public', 'drizzle') and pg_has_role(r.oid, relowner, 'member'))
           or exists (select from pg_proc p join pg_namespace n on n.oid = pronamespace
             where nspname in ('public', 'drizzle') and pg_has_role(r.oid, proowner, 'member')) as mighty
       from pg_roles r where rolname = $1`,
      [name],
    );
    if (!rows[0]) {
      throw new Error(
        `DATABASE_URL and DATABASE_OWNER_URL lead to different databases: one has no role ${name}`,
      );
    }
    if (rows[0].same) {
      throw new Error(
        `DATABASE_URL and DATABASE_OWNER_URL use the same role, ${name}: give each one of its own`,
      );
    }
    const role = client.escapeIdentifier(name);
    const grant = `
      begin;
      set local lock_timeout = '10s';
      grant usage on schema public, drizzle to ${role};
      grant select on drizzle.__drizzle_migrations to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role};
      grant usage, select on all sequences in schema public to ${role};
      alter default privileges in schema public grant select, insert, update, delete on tables to ${role};
      alter default privileges in schema public grant usage, select on sequences to ${role};
      commit`;
    await inTurn(client, say, async () => void (await client.query(grant)));
    return { name, mayAlter: rows[0].mighty };
  });
}
