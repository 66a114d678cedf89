import type { Page } from 'playwright/test';
import { readAccounts } from '../support/database';
import { alertOf, expectPage, field, open, paths, register, signIn, signOut } from '../support/journeys';
import { newApplicant, newNumber } from '../support/people';
import { expect, test } from '../support/test';
import { readCode, wrongCode } from '../support/texts';

/** Presses Tab until the element has the focus, which must be seen on every stop on the way. */
async function tabTo(page: Page, target: ReturnType<Page['locator']>): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => {
      const focused = document.activeElement!;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(focused);
      const ring = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      // Between the last and the first, the focus is on the browser's own controls.
      const isOutside = focused === document.body;
      return { ring: isOutside || ring || boxShadow !== 'none', what: focused.outerHTML.slice(0, 120) };
    });
    expect(outline.ring, `the focus is visible on ${outline.what}`).toBe(true);
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error('Tab does not lead there');
}

test('who has only a keyboard registers, puts an error right, verifies and is inside', async ({ page }) => {
  const applicant = newApplicant();
  const phone = newNumber();
  await open(page, paths.home);
  await tabTo(page, page.getByRole('link', { name: 'Skip to the content' }));
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeInViewport();
  await tabTo(page, page.getByRole('link', { name: 'Create account' }));
  await page.keyboard.press('Enter');
  await expectPage(page, paths.register);

  await tabTo(page, field(page, 'email'));
  await page.keyboard.type(applicant.email);
  await tabTo(page, field(page, 'name'));
  await page.keyboard.type(applicant.name);
  await tabTo(page, field(page, 'password'));
  await page.keyboard.type(applicant.password);
  await tabTo(page, field(page, 'phone'));
  await page.keyboard.type(phone.slice(2));
  await tabTo(page, field(page, 'verifyPhone'));
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');

  await expect(alertOf(page)).toBeFocused();
  await tabTo(page, alertOf(page).locator('a[href="#tcpaConsent"]'));
  await page.keyboard.press('Enter');
  await expect(field(page, 'tcpaConsent')).toBeFocused();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expectPage(page, paths.code);

  await expect(field(page, 'code')).toBeFocused();
  const code = await readCode(phone);
  await page.keyboard.type(wrongCode(code));
  await expect(page.locator('#code-error')).toBeVisible();
  await expect(field(page, 'code')).toBeFocused();
  await page.keyboard.press('Control+A');
  await page.keyboard.type(code);
  await expectPage(page, paths.dashboard);
  expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone, verified: true });

  await tabTo(page, page.getByRole('button', { name: 'Sign out' }));
  await page.keyboard.press('Enter');
  await expectPage(page, paths.signIn);
});

test('where a form leads to another page, the focus is on its heading, or on what it says was done', async ({
  page,
}) => {
  const applicant = await register(page);
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await signOut(page);
  await expect(page.getByRole('status').filter({ hasText: 'You are signed out.' })).toBeFocused();
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
});
