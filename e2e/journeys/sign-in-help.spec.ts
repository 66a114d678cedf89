import { alertOf, button, field, open, paths } from '../support/journeys';
import { newApplicant } from '../support/people';
import { expect, test } from '../support/test';

test('someone who forgot the password and gets no mail is told whom to ask', async ({ page }) => {
  await open(page, paths.signIn);
  await page.getByText('Forgot your password?').click();
  await field(page, 'email').fill(newApplicant().email);
  await button(page, 'Send me a link').click();
  await expect(page.getByRole('link', { name: 'help@example.com' })).toHaveAttribute(
    'href',
    'mailto:help@example.com',
  );
});

test('an empty sign-in form is told of both fields at once', async ({ page }) => {
  await open(page, paths.signIn);
  await button(page, 'Sign in').click();
  await expect(alertOf(page).getByRole('link')).toHaveText([
    'Enter your email address.',
    'Enter your password.',
  ]);
  for (const name of ['email', 'password']) {
    await expect(field(page, name)).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page, name)).toHaveAttribute('aria-describedby', new RegExp(`${name}-error`));
  }
});

test('the policies say who "we" are, how to reach them, and since when', async ({ page }) => {
  for (const path of [paths.terms, paths.privacy]) {
    await open(page, path);
    const main = page.getByRole('main');
    await expect(main).toContainText('“We” means Example Housing, Inc., the operator of this site.');
    await expect(main.getByRole('link', { name: 'help@example.com' })).toBeVisible();
    await expect(main).toContainText(/Effective [A-Z][a-z]+ \d{1,2}, \d{4}/);
  }
});
