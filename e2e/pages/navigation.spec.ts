import type { Page } from 'playwright/test';
import { button, expectPage, open, paths, register } from '../support/journeys';
import { settingsPaths } from '../support/settings';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

const { preferences, record, security, deletion } = settingsPaths;
const admin = '/admin';

const settings = ['Text preferences', 'Profile', 'Security'];
const links = ['Dashboard', 'Applications', ...settings];

const navigation = (page: Page) => page.getByRole('navigation', { name: 'Main' });

/** Every way through the site is high enough for a finger, and none makes the page wider than a small phone. */
async function expectToFit(page: Page): Promise<void> {
  await page.setViewportSize({ width: 320, height: 640 });
  const targets = page.locator('header a:visible, header button:visible');
  for (const target of await targets.all()) {
    const box = await target.boundingBox();
    if ((await target.getAttribute('href')) !== '#content') expect(box!.height).toBeGreaterThanOrEqual(44);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, 'what sticks out to the right').toBeLessThanOrEqual(0);
}

test('who is signed in has the same navigation everywhere, which marks where they are', async ({ page }) => {
  await register(page);
  for (const [path, current, marked] of [
    [paths.dashboard, 'Dashboard', 'page'],
    ['/applications', 'Applications', 'page'],
    ['/applications/new', 'Applications', 'true'],
    [preferences, 'Text preferences', 'page'],
    [record, 'Text preferences', 'true'],
    ['/users/profile', 'Profile', 'page'],
    [security, 'Security', 'page'],
    [deletion, 'Security', 'true'],
    [paths.terms, null, null],
  ] as const) {
    await open(page, path);
    await expect(navigation(page).getByRole('link')).toHaveText(links);
    await expect(navigation(page).locator('[aria-current]')).toHaveText(current === null ? [] : [current]);
    if (marked) {
      await expect(navigation(page).locator('[aria-current]')).toHaveAttribute('aria-current', marked);
    }
    await expect(button(page, 'Sign out')).toHaveCount(1);
    await expectToFit(page);
  }
});

test('inside, every page begins at the same left edge', async ({ page }) => {
  await register(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const path of [
    paths.dashboard,
    '/applications',
    '/applications/new',
    preferences,
    '/users/profile',
    security,
    deletion,
  ]) {
    await open(page, path);
    const brand = await page.getByRole('banner').getByRole('link').first().boundingBox();
    const heading = await page.getByRole('heading', { level: 1 }).boundingBox();
    expect(Math.round(heading!.x), path).toBe(Math.round(brand!.x));
  }
});

test('an admin has four more ways through the site', async ({ page }) => {
  await enterAs(page, await makePerson('admin'));
  await page.setViewportSize({ width: 320, height: 640 });
  await open(page, admin);
  const all = ['Dashboard', ...settings, 'Applications', 'Opt-outs', 'Texts', 'People'];
  await expect(navigation(page).getByRole('link')).toHaveCount(0);
  await navigation(page).locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(navigation(page).getByRole('link')).toHaveText(all);
  await expect(navigation(page).locator('[aria-current="page"]')).toHaveText(['Texts']);
  await expectToFit(page);
  await page.setViewportSize({ width: 1280, height: 720 });
  await open(page, admin);
  await expect(navigation(page).getByRole('link')).toHaveText(all);
  await expect(navigation(page).locator('summary')).toBeHidden();
});

test('on a phone an admin’s navigation takes three rows, and says where they are', async ({ page }) => {
  await enterAs(page, await makePerson('admin'));
  await page.setViewportSize({ width: 360, height: 740 });
  const sections = page.getByRole('navigation', { name: 'Texts' });
  for (const [path, words] of [
    [admin, 'Overview'],
    ['/admin/limits', 'Limits'],
  ] as const) {
    await open(page, path);
    const [header, section] = await Promise.all([
      page.getByRole('banner').boundingBox(),
      sections.boundingBox(),
    ]);
    expect(header!.height + section!.height, path).toBeLessThanOrEqual(180);
    await expect(navigation(page).locator('summary')).toHaveText('MenuTexts');
    await expect(sections.locator('summary')).toHaveText(`Texts${words}`);
    await expect(sections.getByRole('link')).toHaveCount(0);
  }
  await sections.locator('summary').click();
  await expect(sections.locator('[aria-current="true"]')).toHaveText('Limits');
  await sections.getByRole('link', { name: 'Alarms' }).click();
  await expectPage(page, '/admin/alarms');
});

test('no link of an applicant’s navigation is alone on a row of a phone', async ({ page }) => {
  await register(page);
  for (const width of [360, 390, 412]) {
    await page.setViewportSize({ width, height: 740 });
    const tops: number[] = [];
    for (const link of await navigation(page).getByRole('link').all()) {
      tops.push(Math.round((await link.boundingBox())!.y));
    }
    const rows = [...new Set(tops)].map((top) => tops.filter((each) => each === top).length);
    expect(rows, `${width}`).toHaveLength(2);
    expect(Math.min(...rows), `${width}`).toBeGreaterThan(1);
  }
});

test('who is signed out finds the way in from the policies', async ({ page }) => {
  await open(page, paths.terms);
  await expect(navigation(page)).toHaveCount(0);
  await expectToFit(page);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await expectPage(page, paths.signIn);
});

test('a page of another role has a title of its own, and a way on', async ({ page, faults }) => {
  faults.expect(/status of 403/);
  await register(page);
  await open(page, admin);
  await expect(page).toHaveTitle('Not allowed · Doorstep');
  await page.getByRole('link', { name: 'Go to my dashboard' }).click();
  await expectPage(page, paths.dashboard);
});
