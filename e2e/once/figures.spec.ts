import type { APIRequestContext } from 'playwright/test';
import { newNumber } from '../support/people';
import { registerVerified } from '../support/settings';
import { expect, test } from '../support/test';

async function readFigure(request: APIRequestContext, series: string): Promise<number> {
  const answer = await request.get('/api/metrics');
  expect(answer.status()).toBe(200);
  const line = (await answer.text()).split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.split(' ').at(-1));
}

test('what the dispatcher and the web server count is on one page, and nobody behind a proxy reads it', async ({
  page,
  request,
}) => {
  const sent = 'doorstep_sms_send_seconds_count{purpose="verification",outcome="sent"}';
  const hashed = 'doorstep_hash_wait_seconds_count{lane="hash"}';
  const connected = 'doorstep_pool_wait_seconds_count';
  const series = [sent, hashed, connected];
  const before = await Promise.all(series.map((each) => readFigure(request, each)));
  await registerVerified(page, { phone: newNumber() });
  for (const [index, each] of series.entries()) {
    // Within ten seconds of having been counted.
    await expect
      .poll(() => readFigure(request, each), { message: each, timeout: 30_000 })
      .toBeGreaterThan(before[index]!);
  }
  const forwarded = await request.get('/api/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } });
  expect(forwarded.status()).toBe(404);
});
