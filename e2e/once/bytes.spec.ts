import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright/test';
import { field, open, paths, register } from '../support/journeys';
import { settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';

/** The scripts that a page loads: their names, their size on the wire, and what is in them. */
type Script = { url: string; bytes: number; text: string };

const allowance = 20_000;

/** Texts that only zod, or only the numbering plans, bring along. */
const lateMarkers = ['unrecognized_keys', 'INVALID_COUNTRY'];

function collectScripts(page: Page): () => Promise<Script[]> {
  const scripts: Promise<Script>[] = [];
  page.on('requestfinished', (request) => {
    if (request.resourceType() !== 'script') return;
    scripts.push(
      (async () => {
        const response = (await request.response())!;
        expect(response.headers()['content-encoding']).toBe('gzip');
        const { responseBodySize } = await request.sizes();
        return { url: request.url(), bytes: responseBodySize, text: await response.text() };
      })(),
    );
  });
  return () => Promise.all(scripts);
}

async function loadFirst(page: Page, path: string): Promise<Script[]> {
  const read = collectScripts(page);
  await open(page, path);
  await page.waitForLoadState('networkidle');
  return read();
}

const sum = (scripts: readonly Script[]): number => scripts.reduce((total, { bytes }) => total + bytes, 0);

test('the registration page loads at most 20 KB of scripts above an empty page, and what checks it on first focus', async ({
  page,
  openBrowser,
}) => {
  const empty: number[] = [];
  for (const path of [paths.terms, paths.privacy]) {
    empty.push(sum(await loadFirst(await (await openBrowser()).newPage(), path)));
  }
  const readAll = collectScripts(page);
  const first = await loadFirst(page, paths.register);
  const above = sum(first) - Math.min(...empty);
  console.log(`scripts of an empty page ${Math.min(...empty)} bytes, of the registration page ${above} more`);
  expect(Math.min(...empty)).toBeGreaterThan(50_000);
  expect(above).toBeGreaterThan(0);
  expect(above).toBeLessThanOrEqual(allowance);
  for (const marker of lateMarkers) {
    expect(
      first.filter(({ text }) => text.includes(marker)).map(({ url }) => url),
      marker,
    ).toEqual([]);
  }

  await field(page, 'phone').focus();
  await page.waitForLoadState('networkidle');
  const seen = new Set(first.map(({ url }) => url));
  await expect
    .poll(async () => {
      const late = (await readAll()).filter(({ url }) => !seen.has(url));
      return lateMarkers.filter((marker) => late.some(({ text }) => text.includes(marker)));
    })
    .toEqual(lateMarkers);
});

test('the page of preferences is at most 19 KB, with every time zone in it once', async ({ page }) => {
  await register(page);
  const html = await (await page.request.get(settingsPaths.preferences)).text();
  const bytes = gzipSync(html).length;
  console.log(`the page of preferences ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(19_000);
  const [list] = /<datalist.*?<\/datalist>/.exec(html)!;
  expect(list.match(/<option /g)!.length).toBeGreaterThan(400);
  expect(list).toMatch(/<option value="New York">New York · \d+:\d\d [AP]M · Eastern Time<\/option>/);
  // Beside the options, each clock is named once, for the script.
  expect(html.replace(list, '').match(/Central European Standard Time/g)).toHaveLength(1);
});
