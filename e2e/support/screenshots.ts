// Takes the picture of the README again: node --import tsx e2e/support/screenshots.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright';
import { findFreePort } from '../../scripts/postgres/server';
import { startThrowawayDatabase } from '../../scripts/postgres/throwaway';
import { findBrowser } from './browser';
import { button, fillRegistration, open, paths } from './journeys';
import { startApp } from './start-app';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
const person = { email: 'alex@example.com', name: 'Alex Applicant', password: 'violet kettle mosaic' };
const wishes = { phone: '(555) 123-4567', verify: true };

/** Photographs the registration page, filled in, and the code page that follows, side by side as phones show them. */
async function takeScreenshots(): Promise<void> {
  const port = await findFreePort();
  const appUrl = `http://localhost:${port}`;
  const database = await startThrowawayDatabase();
  const app = await startApp('screenshots.log', { port, appUrl, databaseUrl: database.url });
  const browser = await chromium.launch(await findBrowser());
  try {
    const page = await browser.newPage({
      baseURL: appUrl,
      viewport: { width: 390, height: 780 },
      deviceScaleFactor: 2,
      locale: 'en-US',
      timezoneId: 'America/New_York',
    });
    // A busy machine may take its time.
    page.setDefaultTimeout(120_000);
    await open(page, paths.register);
    await fillRegistration(page, person, wishes);
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      scrollTo(0, 0);
    });
    await page.mouse.move(0, 0);
    const registration = await page.screenshot({ animations: 'disabled' });

    await button(page, 'Create account').click();
    await page.waitForURL(`**${paths.code}`);
    await page.getByText('The text has been sent').waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    const code = await page.screenshot({ animations: 'disabled', caret: 'initial' });

    const side = await browser.newPage({ viewport: { width: 860, height: 828 }, deviceScaleFactor: 1.5 });
    await writePicture(side, [registration, code]);
  } finally {
    await browser.close();
    await app.stop();
    await database.stop();
  }
}

/** Lays pictures of phones side by side into one small file, and writes its size into the README. */
async function writePicture(page: Page, phones: readonly Buffer[]): Promise<void> {
  const pictures = phones.map(
    (phone) => `<img src="data:image/png;base64,${phone.toString('base64')}" width="390" height="780">`,
  );
  await page.setContent(
    `<style>
       body { display: flex; gap: 24px; margin: 0; padding: 24px; background: #dfe5e1 }
       img { border-radius: 24px; box-shadow: 0 2px 12px rgb(0 0 0 / 20%) }
     </style>${pictures.join('')}`,
  );
  await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
  const { width = 0, height = 0 } = page.viewportSize() ?? {};
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  writeFileSync(`${docs}/screenshots/front-door.webp`, Buffer.from(data, 'base64'));
  const sized = readFileSync(readme, 'utf8').replace(
    /(front-door\.webp") width="\w+" height="\w+"/,
    `$1 width="${width}" height="${height}"`,
  );
  writeFileSync(readme, sized);
}

await takeScreenshots();
