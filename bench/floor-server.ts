import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Agent, createServer, request as sendRequest } from 'node:http';
import { Pool } from 'pg';
import { hashPassword } from '@/lib/accounts/password';

/*
 * The least that a safe implementation does, in a process of its own: codes as keyed hashes with five tries and an end, one statement
 * to send, two to check, sessions that are asked for on each request. It has no framework and no pages, and keeps none of Doorstep's
 * other promises: nothing is limited, logged, or sent again after a crash. So it is a floor under the figures and no product.
 */

const pool = new Pool({ connectionString: process.env.FLOOR_DATABASE_URL, max: 10 });
const key = randomBytes(32);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const mark = (phone: string, code: string) => createHmac('sha256', key).update(`${phone} ${code}`).digest();

await pool.query(`
  create table codes (phone text primary key, mark bytea not null, tries int not null, expires_at timestamptz not null,
    consumed_at timestamptz);
  create table sessions (token text primary key, person text not null, expires_at timestamptz not null);
  insert into sessions select 'session-' || n, 'Person ' || n, now() + interval '1 day' from generate_series(1, 10000) n`);

const routes: Record<string, (given: Record<string, string>) => Promise<unknown>> = {
  '/send': async ({ phone = '' }) => {
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    await pool.query({
      name: 'send',
      text: `insert into codes values ($1, $2, 0, now() + interval '10 minutes') on conflict (phone)
        do update set mark = excluded.mark, tries = 0, expires_at = excluded.expires_at, consumed_at = null`,
      values: [phone, mark(phone, code)],
    });
    await callProvider(phone, `${code} is your code.`);
    return {};
  },
  '/check': async ({ phone = '', code = '' }) => {
    const { rows } = await pool.query<{ mark: Buffer }>({
      name: 'try',
      text: `update codes set tries = tries + 1
        where phone = $1 and tries < 5 and expires_at > now() and consumed_at is null returning mark`,
      values: [phone],
    });
    if (!rows[0] || !timingSafeEqual(rows[0].mark, mark(phone, code))) return { ok: false };
    const { rowCount } = await pool.query({
      name: 'consume',
      text: 'update codes set consumed_at = now() where phone = $1 and mark = $2 and consumed_at is null',
      values: [phone, rows[0].mark],
    });
    return { ok: rowCount === 1 };
  },
  '/session': async ({ token = '' }) => {
    const { rows } = await pool.query<{ person: string }>({
      name: 'session',
      text: 'select person from sessions where token = $1 and expires_at > now()',
      values: [token],
    });
    return { person: rows[0]?.person ?? null };
  },
  // By the very function, and so on as many threads as Doorstep's.
  '/hash': async ({ password = '', source = '' }) => ({ ok: (await hashPassword(password, source)).ok }),
  '/call': async ({ phone = '' }) => {
    await callProvider(phone, 'There is news about your application.');
    return {};
  },
};

function callProvider(to: string, body: string): Promise<void> {
  const text = new URLSearchParams({ To: to, From: process.env.TWILIO_FROM_PHONE!, Body: body }).toString();
  const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token, TWILIO_API_BASE_URL: base } = process.env;
  return new Promise((resolve, reject) => {
    const request = sendRequest(
      `${base}/2010-04-01/Accounts/${sid}/Messages.json`,
      {
        agent,
        method: 'POST',
        auth: `${sid}:${token}`,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(text),
        },
      },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 201 ? resolve() : reject(new Error(`The provider: ${response.statusCode}`)),
        );
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const given = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
    const answer = routes[request.url ?? ''];
    (answer ? answer(given) : Promise.reject(new Error('There is no such route'))).then(
      (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.({ ready: true }));
// Whoever started this is gone.
process.on('disconnect', () => process.exit(0));
