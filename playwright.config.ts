import { defineConfig, devices } from 'playwright/test';
import { findBrowser } from './e2e/support/browser';

const { executablePath, args, env } = await findBrowser();
const chromium = { browserName: 'chromium', launchOptions: { executablePath, args, env } } as const;
const desktop = { ...devices['Desktop Chrome'], ...chromium };

/**
 * `journeys` are what people do, with JavaScript and without; `script` is what JavaScript adds; `pages` is what holds for
 * every page; `once` needs no second device. The desktop runs all of it, the phones what a small screen or touch can
 * change.
 */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/browser',
  globalSetup: './e2e/support/global-setup.ts',
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: { screenshot: 'only-on-failure', locale: 'en-US', timezoneId: 'America/New_York' },
  projects: [
    { name: 'desktop', use: desktop, testMatch: /e2e\/(journeys|script|pages|once)\// },
    {
      name: 'pixel',
      use: { ...devices['Pixel 7'], ...chromium },
      testMatch: /e2e\/(journeys\/register|script\/code)/,
    },
    {
      name: 'iphone',
      use: { ...devices['iPhone 15'], ...chromium },
      testMatch:
        /e2e\/(journeys\/(register|come-back|applications|settings|staff-applications|staff-bulk)|script\/(code|form)|pages\/)/,
    },
    { name: 'no-script', use: { ...desktop, javaScriptEnabled: false }, testMatch: /e2e\/journeys\// },
  ],
});
