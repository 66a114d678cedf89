import pg from 'pg';
import { readRun } from './run';

let pool: pg.Pool | undefined;

/** The run's database. Idle connections keep no process alive. */
export function database(): pg.Pool {
  pool ??= new pg.Pool({ connectionString: readRun().databaseUrl, max: 2, allowExitOnIdle: true });
  return pool;
}

/** The rows that a query answers. */
export async function readRows<Row extends pg.QueryResultRow>(
  query: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return (await database().query<Row>(query, [...values])).rows;
}

export type AccountRow = {
  id: string;
  email: string;
  name: string;
  phone: string | null;
  activated_at: Date | null;
  deactivated_at: Date | null;
  /** Whether this account is the proven holder of its number. */
  verified: boolean;
};

/** Every account of an email address: none or one. */
export async function readAccounts(email: string): Promise<AccountRow[]> {
  return readRows<AccountRow>(
    `select users.id, email, name, phone, activated_at, deactivated_at,
            coalesce(phone_numbers.holder_user_id = users.id, false) as verified
     from users left join phone_numbers on phone_numbers.number = users.phone
     where lower(email) = lower($1)`,
    [email],
  );
}

/** How many codes were ever asked for, sent or not, to this number; other texts do not count. */
export async function countCodeTexts(phone: string): Promise<number> {
  const [row] = await readRows<{ count: number }>(
    `select count(*)::int as count from sms_messages
     where phone = $1 and direction = 'out' and purpose = 'verification'`,
    [phone],
  );
  return row?.count ?? 0;
}

/** The events of the verification log of a number, oldest first. */
export async function readEvents(phone: string): Promise<{ event: string; reason: string | null }[]> {
  return readRows('select event, reason from sms_verification_log where phone = $1 order by id', [phone]);
}

/**
 * Makes everything about a number as much older, so that nobody has to wait for it: its challenges, texts, sends and
 * wrong codes of every class. A page that is open must be loaded again to see it.
 */
export async function letTimePass(phone: string, seconds: number): Promise<void> {
  const client = await database().connect();
  const older = 'make_interval(secs => $2)';
  const olderAll = (column: string) =>
    `${column} = array(select each - ${older} from unnest(${column}) each order by 1)`;
  try {
    await client.query('begin');
    const counters = ['prove', 'prove_again', 'sign_in', 'recover'].flatMap((sendClass) => [
      `${sendClass}_sends`,
      sendClass === 'prove' ? 'failures' : `${sendClass}_failures`,
    ]);
    await client.query(
      `update phone_numbers set ${counters.map(olderAll).join(', ')}, stranger_acts = (
         select coalesce(jsonb_agg(jsonb_set(act, '{atMs}', to_jsonb((act->>'atMs')::bigint - $2::bigint * 1000))), '[]')
         from jsonb_array_elements(stranger_acts) act)
       where number = $1`,
      [phone, seconds],
    );
    await client.query(
      `update sms_verifications set created_at = created_at - ${older}, expires_at = expires_at - ${older},
         last_sent_at = last_sent_at - ${older} where phone = $1`,
      [phone, seconds],
    );
    await client.query(
      `update sms_messages set created_at = created_at - ${older}, send_after = send_after - ${older},
         expires_at = expires_at - ${older}, counted_at = counted_at - ${older}, sent_at = sent_at - ${older}
       where phone = $1`,
      [phone, seconds],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/**
 * All tests come from one address, of which few may register or send at once. So what is counted for it is forgotten
 * before each test (test.ts) and each registration (journeys.ts).
 */
export async function forgetAddress(): Promise<void> {
  await readRows(`delete from rate_limits where split_part(key, ':', 1) = any($1)`, [
    ['register', 'sign_in', 'send', 'check', 'mail_network'],
  ]);
}
