import { randomUUID } from 'node:crypto';
import type { Locator, Page } from 'playwright/test';
import { giveApplication, makeTexted } from '../support/staff-applications';
import { readRows } from '../support/database';
import { alertOf, awaitScript, button, expectPage, field, open, paths, register } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';
import { awaitTexts, readTexts } from '../support/texts';

const applications = '/staff/applications';
const serial = () => randomUUID().slice(0, 8);

/** The form of one move. */
const moveForm = (page: Page, to: string): Locator =>
  page.locator('form').filter({ has: page.locator(`input[name="to"][value="${to}"]`) });

/** The form of one move, which a phone folds. */
async function unfoldMove(page: Page, to: string): Promise<Locator> {
  const form = moveForm(page, to);
  if (!(await form.isVisible()))
    await page.locator('details').filter({ has: form }).locator('summary').click();
  await expect(form).toBeVisible();
  return form;
}

/** Opens what a phone folds of the page, by its title. */
async function unfold(page: Page, title: string): Promise<void> {
  const summary = page.locator('summary', { hasText: title });
  if (await summary.isVisible()) await summary.click();
}

const status = (page: Page, value: string): Locator => page.locator(`[data-application-status="${value}"]`);

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error('Tab does not lead there');
}

/** Gives someone so long to take a move back that no test is too slow for it. */
async function giveUndoTime({ id }: { id: string }): Promise<void> {
  await readRows('insert into staff_preferences (user_id, undo_seconds) values ($1, 120)', [id]);
}

async function expectToFit(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

test('a broker finds what is assigned to them, asks for documents, and the applicant gets the very text that was shown', async ({
  page,
}) => {
  const broker = await makePerson('broker', { name: `Bea ${serial()}` });
  const applicant = await makeTexted(`Alma ${serial()}`);
  const [mine, others] = [`Flat ${serial()}`, `Flat ${serial()}`];
  const id = await giveApplication({ of: applicant, to: broker, title: mine });
  const other = await giveApplication({ of: applicant, title: others });
  await enterAs(page, broker);
  await unfold(page, 'Menu');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Applications' }).click();
  await expectPage(page, applications);
  await expect(page.getByText(others)).toHaveCount(0);
  await expect(page.locator('[data-count-of="submitted"]')).toHaveText('1');
  await expectToFit(page);
  await page.getByRole('link', { name: mine }).click();
  await expectPage(page, `${applications}/${id}`);

  await expect(page.getByText('Verified, texts on')).toBeVisible();
  await expect(moveForm(page, 'approved')).toHaveCount(0);
  await expect(field(page, 'internalNote')).toHaveCount(0);
  await expect(field(page, 'assignee')).toHaveCount(0);
  const form = await unfoldMove(page, 'documents_needed');
  await button(form, 'Ask for documents').click();
  await expect(alertOf(page)).toHaveText(/Say what is needed/);
  await expect(page.locator('#documents_needed-note-error')).toBeVisible();
  await expect(page.locator('#documents_needed-note')).toHaveAttribute(
    'aria-describedby',
    /documents_needed-note-error/,
  );
  const shown = await form.locator('span', { hasText: 'Doorstep: something is needed' }).textContent();
  await expect(form).toContainText('1 segment, about $');
  await expectToFit(page);
  await form.locator('[name="note"]').fill('Your last three pay slips.');
  await button(form, 'Ask for documents').click();
  await expect(status(page, 'documents_needed')).toBeVisible();
  await expect(page.getByText('Not shown to the applicant until')).toBeVisible();
  await expect(page.locator('[data-notification-status="waiting"]')).toHaveCount(3);

  const [text] = await awaitTexts(applicant.phone, 1);
  expect(text!.body).toBe(shown);
  await expect(async () => {
    await open(page, `${applications}/${id}`);
    await expect(page.locator('[data-notification-status="texted"]')).toHaveAttribute(
      'data-text-status',
      /sent|delivered/,
      { timeout: 500 },
    );
  }).toPass();
  await expect(button(page, 'Undo')).toHaveCount(0);
  const response = await page.request.get(`${applications}/${other}`);
  expect(response.status()).toBe(404);
});

test('staff take a move back: the applicant hears nothing, and the timeline says so', async ({ page }) => {
  const applicant = await makeTexted(`Alma ${serial()}`);
  const id = await giveApplication({ of: applicant, title: `Flat ${serial()}`, status: 'in_review' });
  await enterAs(page, await makePerson('staff', { name: `Stan ${serial()}` }));
  await open(page, applications);
  await field(page, 'undoSeconds').fill('5');
  await button(page, 'Save').click();
  await expect(page.locator('#undoSeconds-error')).toHaveText('Enter a number of seconds from 10 to 120.');
  await expect(field(page, 'undoSeconds')).toHaveValue('5');
  await field(page, 'undoSeconds').fill('120');
  await button(page, 'Save').click();
  await expect(page.getByText('You can take your next moves back for 120 seconds.')).toBeVisible();

  await open(page, `${applications}/${id}`);
  const form = await unfoldMove(page, 'approved');
  await form.locator('[name="note"]').fill('Welcome.');
  await form.locator('[name="internalNote"]').fill('Checked twice.');
  await button(form, 'Approve').click();
  await expect(status(page, 'approved')).toBeVisible();
  await expect(page.getByText('Internal note: Checked twice.')).toBeVisible();
  await awaitScript(page);
  await button(page, 'Undo').click();
  await expect(page.getByText('It is undone.')).toBeVisible();
  await expect(status(page, 'in_review')).toBeVisible();
  await expect(page.getByText('The applicant never saw it.')).toBeVisible();
  await expect(page.locator('[data-notification-status="superseded"]')).toHaveText(
    'News: Not sent, since it was undone',
  );
  expect(readTexts(applicant.phone)).toEqual([]);

  // Too late is refused in words. The time ends while the request is under way: a page that knows it offers no undo.
  await button(await unfoldMove(page, 'declined'), 'Decline').click();
  await expect(status(page, 'declined')).toBeVisible();
  await awaitScript(page);
  await page.route('**', async (route) => {
    if (route.request().method() === 'POST') {
      await readRows(`update application_events set shows_at = now() where application_id = $1`, [id]);
    }
    await route.continue();
  });
  await button(page, 'Undo').click();
  await expect(page.getByText('It was too late to undo this')).toBeVisible();
  await expect(status(page, 'declined')).toBeVisible();
});

test('a note that is too long is kept as it was typed, and counted, not cut', async ({ page }) => {
  const id = await giveApplication({ of: null, title: `Flat ${serial()}`, status: 'in_review' });
  await enterAs(page, await makePerson('staff', { name: `Sal ${serial()}` }));
  await open(page, `${applications}/${id}`);
  const form = await unfoldMove(page, 'approved');
  const typed = '😀'.repeat(1_001);
  await form.locator('[name="note"]').fill(typed);
  await button(form, 'Approve').click();
  await expect(page.locator('#approved-note-error')).toHaveText(
    'The note has 1,001 characters. Use up to 1,000.',
  );
  await expect(form.locator('[name="note"]')).toHaveValue(typed);
  await expect(status(page, 'in_review')).toBeVisible();
  await form.locator('[name="note"]').fill('😀'.repeat(1_000));
  await button(form, 'Approve').click();
  await expect(status(page, 'approved')).toBeVisible();
});

test('what was typed for a move or a note stays where the session has ended meanwhile', async ({
  page,
  javaScriptEnabled,
}) => {
  const staff = await makePerson('staff', { name: `Sam ${serial()}` });
  const id = await giveApplication({ of: null, title: `Flat ${serial()}`, status: 'in_review' });
  await enterAs(page, staff);
  await open(page, `${applications}/${id}`);
  await awaitScript(page);
  const form = await unfoldMove(page, 'documents_needed');
  await field(form, 'note').fill('Your lease, please.');
  await field(form, 'internalNote').fill('He called.');
  await readRows('delete from sessions where user_id = $1', [staff.id]);
  await button(form, 'Ask for documents').click();
  if (javaScriptEnabled === false) {
    // The page itself asks them to sign in; nothing of what they typed is stored, or done.
    await expectPage(page, paths.signIn);
    await enterAs(page, staff);
    await open(page, `${applications}/${id}`);
    await expect(status(page, 'in_review')).toBeVisible();
    return;
  }
  await expect(alertOf(page)).toContainText('You are no longer signed in.');
  await page.locator('#add-note').fill('We got your call.');
  await button(page, 'Add the note').click();
  await expect(page.getByText('You are no longer signed in.')).toHaveCount(2);
  await expect(page.locator('#add-note')).toHaveValue('We got your call.');
  await expect(field(form, 'note')).toHaveValue('Your lease, please.');
  await expect(field(form, 'internalNote')).toHaveValue('He called.');
  await expect(page.getByRole('link', { name: 'Sign in in a new tab' }).first()).toHaveAttribute(
    'href',
    `/users/login?next=${encodeURIComponent(`${applications}/${id}`)}`,
  );
  await enterAs(await page.context().newPage(), staff);
  await button(form, 'Ask for documents').click();
  await expect(status(page, 'documents_needed')).toBeVisible();
  await expect(page.getByText('Your lease, please.').first()).toBeVisible();
});

test('of two who move it, the second is told what happened, and keeps what they typed', async ({
  page,
  openBrowser,
}) => {
  const applicant = await makePerson('applicant', { name: `Alma ${serial()}` });
  const id = await giveApplication({ of: applicant, title: `Flat ${serial()}`, status: 'in_review' });
  const first = await makePerson('staff', { name: `Stan ${serial()}` });
  await giveUndoTime(first);
  await enterAs(page, await makePerson('admin', { name: `Ada ${serial()}` }));
  await open(page, `${applications}/${id}`);
  await expect(page.getByText(/No phone: (news by email only|no way to reach them)/)).toBeVisible();
  const theirs = await (await openBrowser()).newPage();
  await enterAs(theirs, first);
  await open(theirs, `${applications}/${id}`);
  const ask = await unfoldMove(theirs, 'documents_needed');
  await ask.locator('[name="note"]').fill('A pay slip.');
  await button(theirs, 'Ask for documents').click();
  await expect(status(theirs, 'documents_needed')).toBeVisible();

  // Withdrawing can be done still; approving cannot.
  const withdraw = await unfoldMove(page, 'withdrawn');
  await withdraw.locator('[name="note"]').fill('As you asked.');
  await button(withdraw, 'Withdraw for the applicant').click();
  await expect(alertOf(page)).toContainText(`${first.name} moved it to Documents needed`);
  await expect(withdraw.locator('[name="note"]')).toHaveValue('As you asked.');
  await expect(status(page, 'documents_needed')).toBeVisible();

  await awaitScript(theirs);
  await button(theirs, 'Undo').click();
  await expect(status(theirs, 'in_review')).toBeVisible();
  await open(page, `${applications}/${id}`);
  await awaitScript(theirs);
  await button(await unfoldMove(theirs, 'approved'), 'Approve').click();
  await expect(status(theirs, 'approved')).toBeVisible();
  const decline = await unfoldMove(page, 'declined');
  await decline.locator('[name="note"]').fill('We are sorry.');
  await decline.locator('[name="internalNote"]').fill('Too little income.');
  await button(page, 'Decline').click();
  await expect(page.getByText(`${first.name} moved it to Approved`)).toBeVisible();
  await expect(page.getByText('You had written: We are sorry.')).toBeVisible();
  await expect(page.getByText('Your internal note was: Too little income.')).toBeVisible();
  await expect(status(page, 'approved')).toBeVisible();
});

test('an admin opens one for someone without an account, assigns it, notes, and finds it again', async ({
  page,
}) => {
  const broker = await makePerson('broker', { name: `Bo ${serial()}` });
  const name = `Paula ${serial()}`;
  const title = `Flat ${serial()}`;
  await enterAs(page, await makePerson('admin', { name: `Ada ${serial()}` }));
  await open(page, applications);
  await page.getByRole('link', { name: 'Open one for someone without an account' }).click();
  await expectPage(page, `${applications}/new`);
  const message = `By letter.\n${'Many words. '.repeat(60)}`.trim();
  await field(page, 'message').fill(message);
  await button(page, 'Open the application').click();
  await expect(alertOf(page)).toContainText('2 things need your attention');
  await expect(field(page, 'message')).toHaveValue(message);
  await field(page, 'name').fill(name);
  await field(page, 'title').fill(title);
  await button(page, 'Open the application').click();
  await expect(status(page, 'submitted')).toBeVisible();
  await expect(page.getByText('No account: no way to reach them')).toBeVisible();
  await expect(moveForm(page, 'in_review')).toContainText('Nothing is sent');
  await awaitScript(page);

  await field(page, 'assignee').selectOption({ label: broker.name });
  await button(page, 'Assign').click();
  await expect(page.getByText('Saved who sees to it.')).toBeVisible();
  await awaitScript(page);
  await button(page, 'Add the note').click();
  await expect(page.locator('#add-note-error')).toHaveText('Write a note.');
  await page.locator('#add-internalNote').fill('Called back.');
  await button(page, 'Add the note').click();
  await expect(page.getByText('Internal note: Called back.')).toBeVisible();
  await expectToFit(page);

  await open(page, applications);
  await unfold(page, 'Search and filter');
  await field(page, 'q').fill(name);
  await field(page, 'status').selectOption('submitted');
  await field(page, 'assignee').selectOption({ label: broker.name });
  await button(page, 'Search').click();
  await expect(page).toHaveURL(/[?&]q=/);
  expect(page.url()).not.toContain('Paula');
  expect(page.url()).toContain('status=submitted');
  await expect(page.getByRole('row').filter({ hasText: title })).toContainText(broker.name);
  await awaitScript(page);
  await unfold(page, 'Search and filter');
  await field(page, 'news').selectOption('texted');
  await button(page, 'Search').click();
  await expect(page.getByText('No matches.')).toBeVisible();
  await expectToFit(page);
});

test('a phone lists applications in few lines each, and folds the search, but not its error', async ({
  page,
}) => {
  const staff = await makePerson('staff', { name: 'Sol' });
  const title = `Flat ${serial()}`;
  await giveApplication({ of: null, to: staff, title });
  await enterAs(page, staff);
  await page.setViewportSize({ width: 360, height: 640 });
  await open(page, `${applications}?assignee=me`);
  await expect(field(page, 'q')).toBeHidden();
  await expect(page.locator('summary', { hasText: 'Search and filter' })).toContainText('In use');
  const row = page.getByRole('row').filter({ hasText: title });
  expect((await row.boundingBox())!.height).toBeLessThanOrEqual(104);
  const [box, link] = await Promise.all([
    row.getByRole('checkbox').boundingBox(),
    row.getByRole('link').boundingBox(),
  ]);
  expect(Math.abs(box!.y - link!.y)).toBeLessThan(12);
  await expectToFit(page);

  await unfold(page, 'Search and filter');
  await field(page, 'q').fill('x'.repeat(400));
  await button(page, 'Search').click();
  await expect(alertOf(page)).toBeVisible();
  await expect(field(page, 'q')).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 720 });
  await expect(field(page, 'q')).toBeVisible();
  await expect(page.locator('summary', { hasText: 'Search and filter' })).toBeHidden();
});

test('a phone folds the moves but for the usual one, and the one that has an error', async ({ page }) => {
  const id = await giveApplication({ of: null, title: `Flat ${serial()}` });
  await enterAs(page, await makePerson('staff', { name: `Sid ${serial()}` }));
  await page.setViewportSize({ width: 360, height: 640 });
  await open(page, `${applications}/${id}`);
  const forms = page.locator('main form:has([name="to"])');
  const isOpen = async () =>
    Promise.all(
      (await forms.all()).map(async (form) =>
        (await form.isVisible()) ? form.locator('[name="to"]').inputValue() : null,
      ),
    ).then((open) => open.filter(Boolean));
  expect(await forms.count()).toBeGreaterThan(2);
  expect(await isOpen()).toEqual(['in_review']);
  await expectToFit(page);

  const ask = await unfoldMove(page, 'documents_needed');
  await field(ask, 'internalNote').fill('He called.');
  await button(ask, 'Ask for documents').click();
  await expect(alertOf(page)).toHaveText(/Say what is needed/);
  expect(await isOpen()).toEqual(['documents_needed']);
  await expect(field(ask, 'internalNote')).toHaveValue('He called.');

  // A wide screen has them all before its eyes.
  await page.setViewportSize({ width: 1280, height: 720 });
  expect(await isOpen()).toHaveLength(await forms.count());
  await expect(page.locator('details:has(form [name="to"]) > summary').first()).toBeHidden();
});

test('nobody of the operator’s sees to their own application', async ({ page, faults }) => {
  faults.expect(/status of 404/);
  const staff = await makePerson('staff', { name: `Stan ${serial()}` });
  const id = await giveApplication({ of: staff, title: `Flat ${serial()}`, status: 'in_review' });
  await enterAs(page, staff);
  expect((await page.goto(`${applications}/${id}`))!.status()).toBe(404);
});

test('who has only a keyboard opens an application from the list, and moves it', async ({ page }) => {
  const broker = await makePerson('broker', { name: `Bea ${serial()}` });
  const title = `Flat ${serial()}`;
  await giveUndoTime(broker);
  await giveApplication({ of: null, to: broker, title });
  await enterAs(page, broker);
  await open(page, applications);
  const search = page.locator('summary', { hasText: 'Search and filter' });
  if (await search.isVisible()) {
    await tabTo(page, search);
    await page.keyboard.press('Enter');
  }
  await tabTo(page, field(page, 'q'));
  await tabTo(page, field(page, 'status'));
  await tabTo(page, page.getByRole('link', { name: title }));
  await page.keyboard.press('Enter');
  await expect(status(page, 'submitted')).toBeVisible();
  await awaitScript(page);
  const form = moveForm(page, 'in_review');
  await tabTo(page, form.locator('[name="note"]'));
  await page.keyboard.type('We have begun.');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(status(page, 'in_review')).toBeVisible();
  await awaitScript(page);
  await tabTo(page, button(page, 'Undo'));
  await page.keyboard.press('Enter');
  await expect(status(page, 'submitted')).toBeVisible();
});

test('an applicant is not let in', async ({ page }) => {
  await register(page);
  for (const path of [applications, `${applications}/new`, `${applications}/${randomUUID()}`]) {
    expect((await page.request.get(path)).status()).toBe(403);
  }
});
