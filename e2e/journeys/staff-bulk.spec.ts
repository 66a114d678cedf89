import { randomUUID } from 'node:crypto';
import type { Locator, Page } from 'playwright/test';
import { readRows } from '../support/database';
import { alertOf, button, enterCode, expectPage, field, open, runsScripts } from '../support/journeys';
import { enterAs, makePerson, twoFactorPaths } from '../support/staff';
import { giveApplication, makeTexted } from '../support/staff-applications';
import { expect, test } from '../support/test';
import { awaitTexts, readTexts } from '../support/texts';

const serial = () => randomUUID().slice(0, 8);
const mine = '/staff/applications?assignee=me';

/** What is beside a term of the page's facts. */
const fact = (page: Page, term: string) =>
  page
    .locator('dl > div')
    .filter({ has: page.locator('dt', { hasText: new RegExp(`^${term}$`) }) })
    .locator('dd');

async function expectToFit(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

/** Waits until something is there: by itself where scripts run, else by the link that reads the page again. */
async function awaitShown(page: Page, shown: Locator): Promise<void> {
  if (await runsScripts(page)) return expect(shown).toBeVisible({ timeout: 30_000 });
  await expect(async () => {
    await open(page, page.url());
    await expect(shown).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
}

test('staff select three, see what would happen, show their factor, and two are moved and told once; the third is listed', async ({
  page,
}) => {
  const staff = await makePerson('staff', { name: `Stan ${serial()}` });
  const applicant = await makeTexted(`Alma ${serial()}`);
  const titles = [`Flat ${serial()}`, `Flat ${serial()}`, `Flat ${serial()}`, `Flat ${serial()}`] as const;
  const told = await giveApplication({ of: applicant, to: staff, title: titles[0], status: 'in_review' });
  const paper = await giveApplication({ of: null, to: staff, title: titles[1], status: 'in_review' });
  const early = await giveApplication({ of: null, to: staff, title: titles[2] });
  const left = await giveApplication({ of: null, to: staff, title: titles[3], status: 'in_review' });
  await enterAs(page, staff);
  await open(page, mine);
  await expectToFit(page);
  await button(page, 'Go on with the checked ones').click();
  await expect(alertOf(page)).toContainText('Check at least one application');
  for (const title of titles.slice(0, 3)) {
    await page.getByRole('checkbox', { name: new RegExp(`^Select ${title}, of`) }).check();
  }
  await button(page, 'Go on with the checked ones').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Move 3 applications');
  await expect(page.getByText('2 are in review, 1 is submitted')).toBeVisible();

  await field(page, 'to').selectOption('documents_needed');
  await button(page, 'Show what would happen').click();
  await expect(page.locator('#note-error')).toBeVisible();
  await field(page, 'to').selectOption('approved');
  await field(page, 'note').fill('Welcome.');
  await button(page, 'Show what would happen').click();
  await expect(fact(page, 'Would be moved')).toHaveText('2');
  await expect(fact(page, 'Cannot be moved there from their status')).toHaveText('1');
  await page.getByText('Which applications').click();
  await expect(page.getByRole('link', { name: titles[0] })).toHaveAttribute(
    'href',
    /\/staff\/applications\//,
  );
  await expect(page.getByText(`${titles[0]}, of ${applicant.name}`)).toBeVisible();
  await page.getByText('The one that stays, and why').click();
  await expect(
    page.getByRole('listitem').filter({ hasText: 'Cannot be moved there from their status' }).last(),
  ).toContainText(titles[2]);
  await expect(fact(page, 'People')).toHaveText('2');
  await expect(fact(page, 'Told by text')).toHaveText('1');
  await expect(fact(page, 'No way to tell them')).toHaveText('1');
  await expect(fact(page, 'Cost of the texts, about')).toContainText('are left');
  await expectToFit(page);

  await readRows(
    `update sessions set second_factor_at = now() - interval '11 minutes', authenticated_at = now() - interval '11 minutes'
     where user_id = $1`,
    [staff.id],
  );
  const draft = new URL(page.url()).pathname;
  await button(page, 'Start: Approve: 2 applications').click();
  await expect(alertOf(page)).toContainText('Nothing was started');
  await open(page, `${twoFactorPaths.confirm}?next=${encodeURIComponent(draft)}`);
  await enterCode(page, staff.app!.nextCode(), 'Confirm');
  await expectPage(page, draft);
  await button(page, 'Start: Approve: 2 applications').click();
  await expect(page.getByRole('heading', { name: 'How far it is' })).toBeVisible();
  await awaitShown(page, page.getByText(/It is done\.$/));
  await expect(fact(page, 'Moved')).toHaveText('2');
  await expect(fact(page, 'This move cannot be made from its status')).toHaveText('1');
  await expectToFit(page);

  const rows = await readRows<{ id: string; status: string }>(
    'select id, status from applications where assignee_id = $1',
    [staff.id],
  );
  expect(new Map(rows.map(({ id, status }) => [id, status]))).toEqual(
    new Map([
      [told, 'approved'],
      [paper, 'approved'],
      [early, 'submitted'],
      [left, 'in_review'],
    ]),
  );
  await awaitTexts(applicant.phone, 1);
  expect(readTexts(applicant.phone)).toHaveLength(1);

  await expect(async () => {
    const response = await page.request.get(`${draft}/missing`);
    expect(response.headers()['content-type']).toBe('text/csv; charset=utf-8');
    const lines = (await response.text()).trim().split('\r\n').slice(1);
    expect(lines.map((line) => line.split(',')[0]).sort()).toEqual([early, paper].sort());
  }).toPass();
  await button(page, 'Do the missing ones: 1 application').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Approve: 1 application');
  await expect(page.getByText('None of them can be moved there.')).toBeVisible();
});

test('all that a search lists are moved, paused and stopped on the way; brokers have no such page', async ({
  page,
}) => {
  const staff = await makePerson('staff', { name: `Stan ${serial()}` });
  await readRows(
    `insert into applications (id, applicant_name, title, message, status, assignee_id, created_at, moved_at)
     select gen_random_uuid(), 'Pat Paper', 'Flat ' || n, 'Two rooms', 'submitted', $1, now(), now() from generate_series(1, 60) n`,
    [staff.id],
  );
  await enterAs(page, staff);
  await open(page, mine);
  await button(page, 'Go on with all that are listed, on every page').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Move 60 applications');
  await button(page, 'Show what would happen').click();
  const path = new URL(page.url()).pathname;
  // As if a worker had it that is gone: it is paused and stopped before one is moved.
  // More than one page of the list: a worker counts what would happen.
  await awaitShown(page, button(page, 'Start: Move to In review: 60 applications'));
  await expect(fact(page, 'No way to tell them')).toHaveText('60');
  await button(page, 'Start: Move to In review: 60 applications').click();
  await expect(page.getByRole('heading', { name: 'How far it is' })).toBeVisible();
  await readRows(
    `update bulk_moves set state = 'running', next_at = now() + interval '10 minutes' where id = $1`,
    [path.split('/').at(-1)],
  );
  await open(page, path);
  await button(page, 'Pause').click();
  await expect(page.getByText('It is paused.', { exact: true })).toBeVisible();
  await button(page, 'Stop for good').click();
  await expect(page.getByText('It is stopped. What was moved stays moved.')).toBeVisible();
  await page.getByRole('link', { name: 'All bulk moves' }).click();
  await expectPage(page, '/staff/bulk');
  await expect(page.getByRole('row').filter({ hasText: staff.name })).toContainText('Stopped');

  await page.context().clearCookies();
  const broker = await makePerson('broker');
  await giveApplication({ of: null, to: broker, title: `Flat ${serial()}` });
  await enterAs(page, broker);
  await open(page, '/staff/applications');
  await expect(page.getByRole('checkbox')).toHaveCount(0);
  expect((await page.request.get(path)).status()).toBe(403);
});
