import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nextEnv from '@next/env';
import { expect, test } from 'vitest';
import { parseEnv } from '@/lib/env';

const lines = readFileSync('.env.example', 'utf8').split('\n');
const examples = lines.flatMap((line) => {
  const [, name, value] = /^# ([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
  return name === undefined || value === undefined ? [] : [{ name, value }];
});

/** What arrives in the environment of who takes the # away before every example. */
function readUncommented(): Record<string, string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'env-example-'));
  const before = { ...process.env };
  try {
    for (const { name } of examples) delete process.env[name];
    const uncommented = lines.map((line) => line.replace(/^# (?=[A-Z][A-Z0-9_]+=)/, ''));
    writeFileSync(join(folder, '.env'), uncommented.join('\n'));
    const { combinedEnv } = nextEnv.loadEnvConfig(
      folder,
      true,
      { info: () => undefined, error: console.error },
      true,
    );
    return Object.fromEntries(examples.map(({ name }) => [name, combinedEnv[name]]));
  } finally {
    nextEnv.resetEnv();
    Object.assign(process.env, before);
    rmSync(folder, { recursive: true });
  }
}

test('each example of .env.example arrives as it is written there once its # is taken away', () => {
  expect(examples.length).toBeGreaterThan(30);
  expect(readUncommented()).toEqual(
    Object.fromEntries(examples.map(({ name, value }) => [name, value.replace(/^"(.*)"$/, '$1')])),
  );
});

test('the examples of how the site looks and counts are ones that it starts with', () => {
  const read = readUncommented();
  const { SITE_NAME, SITE_TAGLINE, SITE_ACCENT_COLOR, REPORT_TIME_ZONE, SMS_COUNTRIES, PUMPING_GUARD } = read;
  const parsed = parseEnv({
    ...{ DATABASE_URL: 'postgres://localhost/doorstep', AUTH_SECRET: 'local' },
    ...{ SITE_NAME, SITE_TAGLINE, SITE_ACCENT_COLOR, REPORT_TIME_ZONE, SMS_COUNTRIES, PUMPING_GUARD },
  });
  expect(parsed).toMatchObject({
    ok: true,
    value: { siteColors: { light: { accent: '#0c6350' } }, siteTagline: SITE_TAGLINE },
  });
});
