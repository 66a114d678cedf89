import type { Page } from 'playwright/test';
import {
  applicationPaths,
  moveAsStaff,
  noteAsStaff,
  statusOf,
  writeApplication,
} from '../support/applications';
import { readRows } from '../support/database';
import { alertOf, button, expectPage, field, open, paths, register, signOut } from '../support/journeys';
import { formWith, settingsPaths } from '../support/settings';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

const { list, start } = applicationPaths;
const pathOf = (id: string) => `/applications/${id}`;

/** What the timeline says, newest first. */
const happened = (page: Page) =>
  page
    .locator('section')
    .filter({ has: page.getByRole('heading', { name: 'What happened so far' }) })
    .getByRole('listitem');

async function expectStatus(page: Page, status: string): Promise<void> {
  await expect(statusOf(page)).toHaveCount(1);
  await expect(statusOf(page)).toHaveAttribute('data-application-status', status);
}

/** Opens the disclosure and presses the button in it. */
async function withdraw(page: Page, { draft = false } = {}): Promise<void> {
  const act = button(page, draft ? 'Delete draft' : 'Withdraw');
  if (!(await act.isVisible())) {
    await page.getByText(draft ? 'Delete this draft' : 'Withdraw this application').click();
  }
  await act.click();
}

async function readStatus(id: string): Promise<string> {
  const [row] = await readRows<{ status: string }>('select status from applications where id = $1', [id]);
  return row!.status;
}

test('who is new starts an application, saves a draft, rewrites it, submits it, and sees what happens', async ({
  page,
}) => {
  await register(page);
  await expect(page.getByText('Start an application when you are ready.')).toBeVisible();
  await page.getByRole('link', { name: 'Applications', exact: true }).click();
  await expectPage(page, list);
  await page.getByRole('link', { name: 'Start an application' }).click();
  await expectPage(page, start);
  await field(page, 'title').fill('A home by the river');
  await button(page, 'Save draft').click();
  await expect(page.getByText('Your draft was saved. Only you can see it.')).toBeVisible();
  await expectStatus(page, 'draft');
  await expect(happened(page)).toHaveText([/You started it/]);
  const id = /[0-9a-f-]{36}/.exec(page.url())![0];

  await field(page, 'message').fill('Two rooms,\nand a door.');
  await button(page, 'Save draft').click();
  await expect(formWith(page, 'Save draft').getByRole('status')).toContainText('Saved.');
  await field(page, 'title').fill('A home by the sea');
  await button(page, 'Save draft').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('A home by the sea');
  await open(page, pathOf(id));
  await expect(field(page, 'message')).toHaveValue('Two rooms,\nand a door.');

  await button(page, 'Submit application').click();
  await expect(page.getByText('Your application was submitted.')).toBeVisible();
  await expectStatus(page, 'submitted');
  await expect(field(page, 'title')).toHaveCount(0);
  await expect(page.getByText('Two rooms,\nand a door.')).toBeVisible();
  await expect(page.getByText('There is nothing you need to do.')).toBeVisible();
  await expect(happened(page)).toHaveText([/You submitted it/, /You started it/]);

  await moveAsStaff(id, 'in_review');
  await noteAsStaff(id, { note: 'We got your call.', internalNote: 'Called twice.' });
  await open(page, pathOf(id));
  await expectStatus(page, 'in_review');
  await expect(happened(page)).toHaveText([
    /We left you a note:.*We got your call\./,
    /We are reviewing it/,
    /You submitted it/,
    /You started it/,
  ]);
  await expect(page.locator('body')).not.toContainText('Called twice');
  await moveAsStaff(id, 'approved', { note: 'The keys are at our desk\nfrom March 1.' });
  await open(page, pathOf(id));
  await expectStatus(page, 'approved');
  const next = page.locator('div', { has: page.getByText('What happens next', { exact: true }) }).last();
  await expect(next).toContainText('We approved your application, and wrote to you:');
  await expect(next).toContainText('The keys are at our desk');
  await expect(next).not.toContainText('nothing more');
  await expect(next.getByRole('link', { name: 'help@example.com' })).toBeVisible();
  await expect(button(page, 'Withdraw')).toHaveCount(0);
  await open(page, paths.dashboard);
  await expect(page.getByRole('heading', { name: 'We approved your application' })).toBeVisible();
  await expect(page.locator('main')).toContainText('A home by the sea');
});

test('what is missing or too long is said beside its field, and what was typed stays', async ({ page }) => {
  await register(page);
  await open(page, start);
  await button(page, 'Submit application').click();
  for (const name of ['title', 'message']) {
    await expect(field(page, name)).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page, name)).toHaveAttribute(
      'aria-describedby',
      new RegExp(`(^| )${name}-error( |$)`),
    );
    await expect(page.locator(`#${name}-error`)).toBeVisible();
    await expect(alertOf(page).locator(`a[href="#${name}"]`)).toBeVisible();
  }
  const long = 'Many words. '.repeat(400).trim();
  await field(page, 'title').fill('A home');
  await field(page, 'message').fill(long);
  await button(page, 'Save draft').click();
  await expect(page.locator('#message-error')).toContainText('The message has 4,799 characters.');
  await expect(field(page, 'title')).toHaveValue('A home');
  await expect(field(page, 'message')).toHaveValue(long);
  await field(page, 'message').fill(long.slice(0, 4_000));
  await button(page, 'Save draft').click();
  await expect(statusOf(page)).toHaveAttribute('data-application-status', 'draft');
  await expect(field(page, 'message')).toHaveValue(long.slice(0, 4_000).trim());
});

test('of two tabs the second to save is told, keeps what was typed, and can save it instead', async ({
  page,
}) => {
  await register(page);
  const id = await writeApplication(page, { title: 'First' }, 'Save draft');
  await open(page, pathOf(id));
  const second = await page.context().newPage();
  await open(second, pathOf(id));
  await field(page, 'title').fill('From the first tab');
  await button(page, 'Save draft').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('From the first tab');
  await field(second, 'title').fill('From the second tab');
  await field(second, 'message').fill('Mine.');
  await button(second, 'Save draft').click();
  await expect(alertOf(second)).toContainText('Not saved: this draft was changed in the meantime');
  await expect(field(second, 'title')).toHaveValue('From the second tab');
  await expect(field(second, 'message')).toHaveValue('Mine.');
  await button(second, 'Save draft').click();
  await expect(second.getByRole('heading', { level: 1 })).toHaveText('From the second tab');

  // The first tab's page is old now, and the application goes on without it.
  await button(second, 'Submit application').click();
  await expect(statusOf(second)).toHaveAttribute('data-application-status', 'submitted');
  await field(page, 'message').fill('Typed too late.');
  await button(page, 'Save draft').click();
  await expect(alertOf(page)).toContainText('Not saved: this application is no longer a draft.');
  await expect(statusOf(page)).toHaveAttribute('data-application-status', 'submitted');
  await expect(page.getByText('Typed too late.')).toBeVisible();
  await expect(button(page, 'Save draft')).toHaveCount(0);
});

test('what is needed is read and answered, more than once, and an empty answer is refused', async ({
  page,
}) => {
  await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'documents_needed', { note: 'Your lease,\nand your pay slips.' });
  await open(page, paths.dashboard);
  await expect(page.getByText('We need something from you')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Read and answer' })).toHaveAttribute('href', pathOf(id));
  // What we wait for stands there once, before what we decided.
  const news = page.getByRole('heading', { level: 2 }).filter({ hasText: /We |new|applications/ });
  await expect(news).toHaveText(['We need something from you', 'Your applications']);
  const decided = await writeApplication(page, { title: 'Another home' }, 'Submit application');
  await moveAsStaff(decided, 'in_review');
  await moveAsStaff(decided, 'approved');
  await open(page, paths.dashboard);
  await expect(news).toHaveText([
    'We need something from you',
    'We approved your application',
    'Your applications',
  ]);
  await expect(page.getByRole('listitem').getByRole('link', { name: 'A home' })).toHaveCount(0);
  await page.getByRole('link', { name: 'Read and answer' }).click();
  await expectPage(page, pathOf(id));
  await expectStatus(page, 'documents_needed');
  await expect(happened(page).first()).toContainText('We need documents:');
  await expect(happened(page).first()).toContainText('and your pay slips.');
  await expect(page.getByText('You cannot attach files here.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'help@example.com' })).toBeVisible();
  await button(page, 'Send answer').click();
  await expect(page.locator('#note-error')).toHaveText('Enter your answer.');
  await field(page, 'note').fill('I mailed both today.');
  await button(page, 'Send answer').click();
  await expect(page.getByText('Your answer was sent.')).toBeVisible();
  await expect(happened(page).first()).toContainText('You answered:');
  await expect(happened(page).first()).toContainText('I mailed both today.');
  await expect(page.getByText('We have your answer and will look at it.')).toBeVisible();
  await expect(statusOf(page)).toHaveText('Answered');
  await page.getByText('Add to your answer').click();
  await field(page, 'note').fill('And one more.');
  await button(page, 'Send answer').click();
  await expect(happened(page)).toHaveCount(4);

  // An old page answers nothing that is no longer asked for; what was typed stays.
  await page.getByText('Add to your answer').click();
  await field(page, 'note').fill('Typed too late.');
  await moveAsStaff(id, 'in_review');
  await button(page, 'Send answer').click();
  await expect(alertOf(page)).toContainText('we do not need an answer anymore');
  await expect(page.getByText('Typed too late.')).toBeVisible();
  await expectStatus(page, 'in_review');
});

test('who withdraws is asked once more, and then nothing can be done about it', async ({ page }) => {
  await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await expect(button(page, 'Withdraw')).toBeHidden();
  await withdraw(page);
  await expect(page.getByText('Your application was withdrawn.')).toBeVisible();
  await expectStatus(page, 'withdrawn');
  await expect(happened(page)).toHaveText([/You withdrew it/, /You submitted it/]);
  // What is new comes before what they know, however long that is.
  await expect(page.getByRole('heading', { level: 2 })).toHaveText([
    /What happened so far/,
    /What you wrote/,
  ]);
  await expect(page.getByText('Withdraw this application')).toHaveCount(0);
  expect(await readStatus(id)).toBe('withdrawn');

  // A draft was never anyone else's to see, and is gone.
  await writeApplication(page, { title: 'A draft' }, 'Save draft');
  await withdraw(page, { draft: true });
  await expectPage(page, list);
  await expect(page.getByText('Your draft was deleted.')).toBeVisible();
  await expect(page.locator('main')).not.toContainText('A draft');
});

test('a move within its undo time shows nowhere and keeps nobody from withdrawing', async ({ page }) => {
  await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'in_review');
  const { undo } = await moveAsStaff(id, 'declined', { hidden: true });
  for (const path of [pathOf(id), list, paths.dashboard]) {
    await open(page, path);
    await expect(page.locator('main')).not.toContainText(/declined/i);
    await expect(page.locator('main')).toContainText('In review');
  }
  await open(page, pathOf(id));
  const sent = () => page.locator('input[name="version"]').inputValue();
  const before = await sent();
  await undo();
  await moveAsStaff(id, 'approved', { hidden: true });
  await page.reload();
  expect(await sent()).toBe(before);
  await withdraw(page);
  await expectStatus(page, 'withdrawn');
  await expect(page.locator('main')).not.toContainText(/declined|approved/i);
  expect(await readStatus(id)).toBe('withdrawn');
});

test('an answer is taken while a move is hidden', async ({ page }) => {
  await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'documents_needed', { note: 'Your lease.' });
  await open(page, pathOf(id));
  await moveAsStaff(id, 'in_review', { hidden: true });
  await field(page, 'note').fill('Here it is.');
  await button(page, 'Send answer').click();
  await expect(page.getByText('Your answer was sent.')).toBeVisible();
  await expectStatus(page, 'documents_needed');
});

test('an application that was decided meanwhile is not withdrawn by an old page, which is told', async ({
  page,
}) => {
  await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'in_review');
  await open(page, pathOf(id));
  await moveAsStaff(id, 'approved');
  await withdraw(page);
  await expect(alertOf(page)).toContainText('Not withdrawn: it is decided already. It is now: Approved.');
  await expectStatus(page, 'approved');

  // It is the first thing on the dashboard, before what to do next.
  await open(page, paths.dashboard);
  const headings = page.locator('main').getByRole('heading', { level: 2 });
  await expect(headings.first()).toHaveText('We approved your application');
  await expect(page.getByRole('link', { name: 'Start another application' })).toHaveClass(/secondary/);
  await page.getByRole('link', { name: 'Read the decision' }).click();
  await expectPage(page, pathOf(id));
});

test('who became one of the operator’s people reads what they applied for, and does nothing about it', async ({
  page,
}) => {
  const { email } = await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'documents_needed', { note: 'Your lease.' });
  await signOut(page);
  const broker = await makePerson('broker');
  await readRows(
    'update applications set applicant_id = $1 where applicant_id = (select id from users where email = $2)',
    [broker.id, email],
  );
  await enterAs(page, broker);
  await open(page, paths.dashboard);
  await page.getByRole('link', { name: 'All your applications' }).click();
  await expectPage(page, list);
  await expect(page.getByRole('link', { name: /Start/ })).toHaveCount(0);
  await page.getByRole('link', { name: 'A home' }).click();
  await expectPage(page, pathOf(id));
  await expectStatus(page, 'documents_needed');
  await expect(page.getByText('Your lease.')).toBeVisible();
  await expect(page.getByText('your colleagues see to it')).toBeVisible();
  for (const name of ['Send answer', 'Withdraw']) await expect(button(page, name)).toHaveCount(0);
});

test('an application of someone else is not there, and the operator’s people start none', async ({
  page,
  openBrowser,
  faults,
}) => {
  faults.expect(/status of 40[34]/);
  await register(page);
  const id = await writeApplication(page, { title: 'A secret home' }, 'Submit application');
  const theirs = await (await openBrowser()).newPage();
  await register(theirs);
  const answer = await theirs.goto(pathOf(id));
  expect(answer!.status()).toBe(404);
  await expect(theirs.locator('body')).not.toContainText('A secret home');
  await signOut(page);
  await enterAs(page, await makePerson('broker'));
  expect((await page.goto(start))!.status()).toBe(403);
  expect((await page.goto(pathOf(id)))!.status()).toBe(404);
  await open(page, list);
  await expect(page.getByText('You have no applications of your own.')).toBeVisible();
  await open(page, paths.dashboard);
  await expect(page.getByText(/Your (own )?applications/)).toHaveCount(0);
  // A phone has it folded.
  const main = page.getByRole('navigation', { name: 'Main' });
  await expect(main.locator('a', { hasText: /^Applications$/ })).toHaveAttribute(
    'href',
    '/staff/applications',
  );
});

test('the list goes on where a page of it ends', async ({ page }) => {
  const { email } = await register(page);
  await readRows(
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
     select gen_random_uuid(), users.id, 'Home ' || n, '', 'draft', now() - interval '1 minute' * n, now()
     from generate_series(1, 25) n, users where email = $1`,
    [email],
  );
  await open(page, list);
  const items = page.locator('main').getByRole('listitem');
  await expect(items).toHaveCount(20);
  await expect(items.first()).toContainText('Home 1');
  await page.getByRole('link', { name: 'Older', exact: true }).click();
  await expect(items).toHaveCount(5);
  await expect(items.last()).toContainText('Home 25');
  await page.getByRole('link', { name: 'Newest', exact: true }).click();
  await expect(items).toHaveCount(20);
  await open(page, paths.dashboard);
  await expect(items.filter({ hasText: 'Home' })).toHaveText([/Home 1/, /Home 2/, /Home 3/]);
});

test('who deletes their account is told first what becomes of their applications', async ({ page }) => {
  const { email, password } = await register(page);
  await open(page, settingsPaths.deletion);
  await expect(page.getByText('About your applications')).toHaveCount(0);
  await writeApplication(page, { title: 'A draft' }, 'Save draft');
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  // A decision that may still be taken back is not told here either.
  await moveAsStaff(id, 'in_review');
  await moveAsStaff(id, 'approved', { hidden: true });
  await open(page, settingsPaths.deletion);
  await expect(page.getByText('1 application is under way. It will be withdrawn.')).toBeVisible();
  await expect(page.getByText('1 draft will be deleted.')).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'for 5 years after' })).toContainText(
    'what you wrote stays as it is',
  );

  await readRows('update users set recovered_at = now() where email = $1', [email]);
  await open(page, settingsPaths.deletion);
  await expect(page.getByText('Your account cannot be deleted yet')).toBeVisible();
  await expect(button(page, 'Delete my account')).toHaveCount(0);
  await readRows('update users set recovered_at = null where email = $1', [email]);
  await open(page, settingsPaths.deletion);
  await field(page, 'confirmDelete').check();
  await field(page, 'currentPassword').fill(password);
  await button(page, 'Delete my account').click();
  await expectPage(page, settingsPaths.deleted);
  await expect(page.getByText('Applications that you submitted stay with us')).toBeVisible();
});
