import type { Page } from 'playwright/test';
import { countCodeTexts, readAccounts } from '../support/database';
import { alertOf, button, expectPage, field, fillRegistration, open, paths } from '../support/journeys';
import { newApplicant, newNumber, writeNationally } from '../support/people';
import { expect, test } from '../support/test';

test('a phone is formatted while it is typed, and can be deleted digit by digit', async ({ page }) => {
  await open(page, paths.register);
  const phone = field(page, 'phone');
  await phone.click();
  await phone.pressSequentially('5551234567');
  await expect(phone).toHaveValue('(555) 123-4567');
  for (let presses = 0; presses < 14; presses++) await phone.press('Backspace');
  await expect(phone).toHaveValue('');
  await phone.pressSequentially('+442079460123');
  await expect(phone).toHaveValue('+44 20 7946 0123');
});

test('on a small phone the question that a number asks comes into view as it is typed', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 640 });
  await open(page, paths.register);
  const phone = field(page, 'phone');
  await expect(field(page, 'smsOptIn')).toBeHidden();
  await phone.pressSequentially('5551234567');
  for (const box of ['verifyPhone', 'smsOptIn']) await expect(field(page, box)).toBeInViewport();
  await expect(phone).toBeInViewport();
  await expect(phone).toBeFocused();
});

test('the password is hidden until it is asked for, and hidden again when the form is sent', async ({
  page,
}) => {
  await open(page, paths.register);
  const password = field(page, 'password');
  await password.fill('violet kettle');
  const toggle = page.getByRole('button', { name: 'Show password' });
  await expect(password).toHaveAttribute('type', 'password');
  await toggle.click();
  await expect(password).toHaveAttribute('type', 'text');
  await expect(toggle).toHaveAttribute('aria-pressed', 'true');
  await expect(password).toHaveValue('violet kettle');
  await button(page, 'Create account').click();
  await expect(alertOf(page)).toBeVisible();
  await expect(password).toHaveAttribute('type', 'password');
});

test('the strength of a password is said while it is typed', async ({ page }) => {
  await open(page, paths.register);
  await field(page, 'email').fill('alexandra.applicant@example.com');
  const said = page.locator('#password-hint [role="status"]');
  const meter = page.locator('#password-hint [data-level]');
  for (const [password, words, level] of [
    ['kestrel', /Too short/, 'refused'],
    ['password123', /Too common/, 'refused'],
    ['alexandra.applicant', /Too close to your name or email/, 'refused'],
    ['violet kettle mosaic lantern', /Strong/, 'strong'],
  ] as const) {
    await field(page, 'password').fill(password);
    await expect(said).toHaveText(words);
    await expect(meter).toHaveAttribute('data-level', level);
  }
});

test('an error moves the focus to the alert, whose links lead to the fields', async ({ page }) => {
  await open(page, paths.register);
  await fillRegistration(page, newApplicant(), { verify: true });
  await button(page, 'Create account').click();
  await expect(alertOf(page)).toBeFocused();
  await expect(alertOf(page)).toBeInViewport();
  await alertOf(page).locator('a[href="#phone"]').click();
  await expect(field(page, 'phone')).toBeFocused();
  await expect(field(page, 'phone')).toBeInViewport();
});

test('the questions about texts come with a number, and stay while one of them is ticked', async ({
  page,
}) => {
  await open(page, paths.register);
  const question = page.getByRole('group', { name: 'What may we text to this number?' });
  await expect(question).toBeHidden();
  await field(page, 'phone').pressSequentially('5551234567');
  await expect(question).toBeVisible();
  for (const box of ['verifyPhone', 'smsOptIn', 'tcpaConsent']) {
    await expect(field(page, box)).not.toBeChecked();
    await expect(field(page, box)).not.toHaveAttribute('required');
  }
  const consent = page.getByRole('checkbox', { name: 'I agree to get texts at this number', exact: true });
  await expect(consent).toHaveAccessibleDescription('');
  await field(page, 'verifyPhone').check();
  await field(page, 'phone').fill('');
  await expect(question).toBeVisible();
  await field(page, 'verifyPhone').uncheck();
  await field(page, 'email').focus();
  await expect(question).toBeHidden();
  // What a browser fills in by itself fires no event.
  await field(page, 'phone').evaluate((input) => ((input as HTMLInputElement).value = '(555) 123-4567'));
  await expect(question).toBeVisible();
});

test('a number of a country that is not served is refused before anything is sent, in the words of the server', async ({
  page,
}) => {
  const sent: string[] = [];
  page.on('request', (request) => void (request.method() === 'POST' && sent.push(request.url())));
  await open(page, paths.register);
  await fillRegistration(page, newApplicant(), { phone: '+44 7911 123456', verify: true });
  await button(page, 'Create account').click();
  await expect(page.locator('#phone-error')).toHaveText(
    'We cannot text numbers in this country. Use another number, or leave the phone out. US and Canadian numbers only.',
  );
  // The hint says the same, so it waits until the error is gone.
  await expect(page.getByText('US and Canadian numbers only.', { exact: true })).toHaveCount(0);
  await expect(field(page, 'phone')).toHaveAttribute('aria-describedby', 'phone-error');
  expect(sent).toEqual([]);
  await field(page, 'phone').fill(writeNationally(newNumber()));
  await expect(page.locator('#phone-error')).toHaveCount(0);
  await expect(page.locator('#phone-hint')).toHaveText('US and Canadian numbers only.');
});

test('an error that appears when a field is left does not swallow the click that left it', async ({
  page,
}) => {
  await open(page, paths.register);
  await field(page, 'phone').fill('555 12');
  await field(page, 'tcpaConsent').scrollIntoViewIfNeeded();
  const box = await field(page, 'tcpaConsent').boundingBox();
  await page.mouse.move(box!.x + box!.width / 2, box!.y + box!.height / 2);
  await page.mouse.down();
  await page.mouse.up();
  await expect(field(page, 'tcpaConsent')).toBeChecked();
  await expect(page.locator('#phone-error')).toBeVisible();
});

test('a double click on "Create account" makes one account and one text', async ({ page }) => {
  const applicant = newApplicant();
  const phone = newNumber();
  await open(page, paths.register);
  await fillRegistration(page, applicant, { phone: writeNationally(phone), verify: true });
  await button(page, 'Create account').dblclick();
  await expectPage(page, paths.code);
  expect(await readAccounts(applicant.email)).toHaveLength(1);
  expect(await countCodeTexts(phone)).toBe(1);
});

test('a single error is said once in the alert, as a link to its field', async ({ page }) => {
  await open(page, paths.register);
  await fillRegistration(page, { ...newApplicant(), email: 'alex' });
  await button(page, 'Create account').click();
  const words = 'This email address is not complete. It should look like name@example.com.';
  await expect(alertOf(page)).toHaveText(words);
  await alertOf(page).getByRole('link', { name: words }).click();
  await expect(field(page, 'email')).toBeFocused();
});

test('what a browser fills in by itself is checked and sent like what is typed', async ({ page }) => {
  const { email, name, password } = newApplicant();
  await open(page, paths.register);
  await button(page, 'Create account').click();
  await expect(alertOf(page)).toContainText('Enter your name.');
  // As a password manager may: the value is there, and nothing was told of it.
  for (const [id, value] of Object.entries({ email, name, password })) {
    await field(page, id).evaluate((input, filled) => ((input as HTMLInputElement).value = filled), value);
  }
  await button(page, 'Create account').click();
  await expectPage(page, paths.dashboard);
  expect(await readAccounts(email)).toHaveLength(1);
});

test.describe('a form that cannot be sent keeps what was typed', () => {
  const fillIn = async (page: Page) => {
    const applicant = newApplicant();
    await open(page, paths.register);
    await fillRegistration(page, applicant, {});
    return applicant;
  };
  const expectKept = async (page: Page, { email, name }: { email: string; name: string }) => {
    await expect(alertOf(page)).toBeFocused();
    await expect(alertOf(page)).toContainText('What you typed is still here.');
    await expect(field(page, 'email')).toHaveValue(email);
    await expect(field(page, 'name')).toHaveValue(name);
  };

  test('while there is no connection; then it is sent', async ({ page, faults }) => {
    faults.expect(/ERR_INTERNET_DISCONNECTED|internet connection|offline|Could not connect/i);
    const applicant = await fillIn(page);
    await page.context().setOffline(true);
    await button(page, 'Create account').click();
    await expect(alertOf(page)).toContainText('We could not be reached');
    await expectKept(page, applicant);
    await page.context().setOffline(false);
    await field(page, 'password').fill(applicant.password);
    await button(page, 'Create account').click();
    await expectPage(page, paths.dashboard);
  });

  test('from a page of a build that is gone', async ({ page, faults }) => {
    faults.expect(/4\d\d|Server Action|UnrecognizedActionError/);
    const applicant = await fillIn(page);
    await page.route(`**${paths.register}`, (route) =>
      route.continue({ headers: { ...route.request().headers(), 'next-action': 'f'.repeat(42) } }),
    );
    await button(page, 'Create account').click();
    await expect(alertOf(page)).toContainText('The site was updated while this page was open');
    await expectKept(page, applicant);
    expect(await readAccounts(applicant.email)).toEqual([]);
  });

  test('through a proxy that answers for a server that is away', async ({ page, faults }) => {
    faults.expect(/502/);
    const applicant = await fillIn(page);
    await page.route(`**${paths.register}`, (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: 'Bad gateway' }),
    );
    await button(page, 'Create account').click();
    await expect(alertOf(page)).toContainText('Something went wrong on our side');
    await expectKept(page, applicant);
  });
});

test('what takes the place of a form takes the focus, and a page that was opened leaves it alone', async ({
  page,
}) => {
  await open(page, '/users/forgot-password');
  await field(page, 'email').fill(newApplicant().email);
  await button(page, 'Send me a link').click();
  const outcome = page.getByRole('heading', { level: 1, name: 'Check your email' });
  await expect(outcome).toBeFocused();
  await page.reload();
  await expect(outcome).toBeVisible();
  await expect(outcome).not.toBeFocused();
});
