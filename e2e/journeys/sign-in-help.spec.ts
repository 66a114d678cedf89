import { readAccounts, readRows } from '../support/database';
import { alertOf, button, expectPage, field, open, paths, register, signIn } from '../support/journeys';
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

test('a sign-in that lost its moment says so, and the next one works', async ({ page, openBrowser }) => {
  const applicant = await register(page);
  const [account] = await readAccounts(applicant.email);
  const name = `late_${account!.id.replaceAll('-', '')}`;
  // As after a stall, or where someone ended all sessions in that very moment.
  await readRows(
    `create function ${name}() returns trigger language plpgsql as $$ begin
       if new.user_id = '${account!.id}' then new.expires_at = now() - interval '1 second'; end if; return new;
     end $$`,
  );
  await readRows(
    `create trigger ${name} before insert on login_grants for each row execute function ${name}()`,
  );
  const elsewhere = await (await openBrowser()).newPage();
  try {
    await signIn(elsewhere, applicant);
    await expect(alertOf(elsewhere)).toContainText('Signing in took too long. Please try again.');
  } finally {
    await readRows(`drop function ${name} cascade`);
  }
  await signIn(elsewhere, applicant);
  await expectPage(elsewhere, paths.dashboard);
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
