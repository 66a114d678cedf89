import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { closeDb } from '@/db/client';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { useDatabase } from '@/tests/support/database';
import { givePerson } from '@/tests/support/people';

// The request that Next would hand over, and the cookies of its browser.
const request = vi.hoisted(() => ({ headers: new Headers(), cookies: new Map<string, string>() }));

vi.mock('next/headers', () => ({
  headers: async () => {
    const headers = new Headers(request.headers);
    headers.set('host', 'localhost:3000');
    headers.set('x-forwarded-proto', 'http');
    headers.set('cookie', [...request.cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    return headers;
  },
  cookies: async () => ({
    get: (name: string) => (request.cookies.has(name) ? { value: request.cookies.get(name) } : undefined),
    set: (name: string, value: string) => request.cookies.set(name, value),
  }),
}));

const database = useDatabase();
// The settings are read on first use, so what asks for them is loaded only then.
const load = () => import('@/lib/auth/sign-in/session');
let session: Awaited<ReturnType<typeof load>>;

beforeAll(async () => {
  process.env.DATABASE_URL = database.url;
  session = await load();
});
afterAll(closeDb);
beforeEach(() => {
  request.headers = new Headers();
  request.cookies.clear();
});

async function enter(): Promise<string | undefined> {
  const { userId } = await givePerson(database.db, { active: true });
  const { grant } = await mintLoginGrant(database.db, userId, new Date());
  expect(await session.signInWithGrant(grant)).toBe(true);
  return (await session.readUser())?.userId === userId ? userId : undefined;
}

test('a grant signs in once', async () => {
  expect(await enter()).toBeDefined();
});

test.each(['garbage', 'android-app://x', 'http://[', '//', '\u00ff'])(
  'whoever comes from %j signs in and out all the same',
  async (referer) => {
    request.headers.set('referer', referer);
    expect(await enter()).toBeDefined();
    await session.endCurrentSession();
    expect(await session.readUser()).toBeNull();
  },
);

test('a hundred unreadable session cookies write one line, in the form of the log', async () => {
  const said: string[] = [];
  const write = (chunk: unknown) => said.push(String(chunk)) > 0;
  const spies = [
    vi.spyOn(process.stderr, 'write').mockImplementation(write as typeof process.stderr.write),
    vi.spyOn(console, 'error').mockImplementation(write),
  ];
  request.cookies.set('doorstep-session', 'garbage');
  for (let i = 0; i < 100; i += 1) expect(await session.readUser()).toBeNull();
  for (const spy of spies) spy.mockRestore();
  expect(said.join('')).toMatch(/^(\S+Z warn session_cookie_unreadable times=1\n)$/);
});

test.each([
  ['authjs.callback-url', 'http%3A%2F%2F['],
  ['authjs.callback-url', 'javascript%3Aalert(1)'],
  ['authjs.csrf-token', 'garbage'],
  ['authjs.csrf-token', '%7C%7C%00'],
  ['doorstep-session', 'garbage'],
  ['doorstep-session', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..a.b.c'],
  ['doorstep-session.0', 'part'],
  ['__proto__', 'x'],
])('a cookie %s=%s that something else left behind keeps nobody out', async (name, value) => {
  request.cookies.set(name, value);
  expect(await session.readUser()).toBeNull();
  expect(await enter()).toBeDefined();
});
