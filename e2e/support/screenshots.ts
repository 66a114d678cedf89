// Takes the pictures of the README again: node --import tsx e2e/support/screenshots.ts
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { findBrowser } from './browser';
import startApp from './global-setup';
import { fillRegistration, open, paths, register } from './journeys';
import { readRun } from './run';
import { awaitTexts } from './texts';

const folder = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));
const person = { email: 'alex@example.com', name: 'Alex Applicant', password: 'violet kettle mosaic' };
const wishes = { phone: '(555) 123-4567', verify: true };

/** Photographs the registration page, filled in, and the code page that follows, as a phone shows them. */
async function takeScreenshots(): Promise<void> {
  const stopApp = await startApp();
  const browser = await chromium.launch(await findBrowser());
  try {
    const page = await browser.newPage({
      baseURL: readRun().appUrl,
      viewport: { width: 430, height: 780 },
      deviceScaleFactor: 2,
      locale: 'en-US',
      timezoneId: 'America/New_York',
    });
    await open(page, paths.register);
    await fillRegistration(page, person, wishes);
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      scrollTo(0, 0);
    });
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(folder, 'register.png'), fullPage: true, animations: 'disabled' });

    await register(page, wishes, person);
    await awaitTexts('+15551234567', 1);
    await page.locator('[data-sms-status="sent"]').waitFor();
    await page.screenshot({
      path: join(folder, 'verify-phone.png'),
      animations: 'disabled',
      caret: 'initial',
    });
  } finally {
    await browser.close();
    await stopApp();
  }
}

await takeScreenshots();
