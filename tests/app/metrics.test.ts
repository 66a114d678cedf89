import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GET } from '@/app/api/metrics/route';
import { closeDb } from '@/db/client';
import { env } from '@/lib/env';
import { useDatabase } from '../support/database';
import { withSettings } from '../support/settings';

const database = useDatabase();

let get: typeof GET;
beforeAll(async () => {
  process.env.DATABASE_URL = database.url;
  // The settings are read on first use, so the route is loaded only now.
  get = (await import('@/app/api/metrics/route')).GET;
});
afterAll(closeDb);

async function ask(headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const answer = await get(new Request('http://localhost/api/metrics', { headers }));
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return { status: answer.status, text: await answer.text() };
}
const nothing = (status: number) => ({ status, text: '' });

test('on localhost whoever is on this machine reads the figures, and nobody behind a proxy does', async () => {
  const { status, text } = await ask();
  expect(status).toBe(200);
  expect(text).toContain('# TYPE doorstep_sms_send_seconds histogram');
  expect(await ask({ 'x-doorstep-forwarded': '1' })).toEqual(nothing(404));
});

test('in public there is nothing without METRICS_TOKEN', async () => {
  await withSettings({ isPublic: true }, async () => {
    expect(await ask()).toEqual(nothing(404));
    expect(await ask({ authorization: 'Bearer ' })).toEqual(nothing(404));
  });
});

test.each([true, false])('with METRICS_TOKEN only the token opens it, public: %s', async (isPublic) => {
  await withSettings({ isPublic, metricsToken: 'figures-of-doorstep' }, async () => {
    for (const authorization of [
      '',
      'Bearer',
      'Bearer figures-of-doorste',
      'Bearer figures-of-doorstep1',
      'Bearer FIGURES-OF-DOORSTEP',
      'Basic figures-of-doorstep',
      'figures-of-doorstep',
    ]) {
      expect(await ask({ authorization }), authorization).toEqual(nothing(401));
    }
    expect(await ask()).toEqual(nothing(401));
    expect((await ask({ authorization: 'Bearer figures-of-doorstep' })).status).toBe(200);
    // A proxy in front is no reason to refuse who has the token.
    const headers = { authorization: 'bearer figures-of-doorstep', 'x-doorstep-forwarded': '1' };
    expect((await ask(headers)).status).toBe(200);
  });
});

test('while the database does not answer the figures are away', async () => {
  await closeDb();
  await withSettings({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }, async () => {
    expect(env().databaseUrl).not.toBe(database.url);
    expect(await ask()).toEqual(nothing(503));
  });
  await closeDb();
});
