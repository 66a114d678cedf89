import type { Page } from 'playwright/test';
import { readAccounts } from '../support/database';
import {
  alertOf,
  button,
  field,
  fillRegistration,
  open,
  paths,
  type RegistrationWishes,
} from '../support/journeys';
import { newApplicant, newNumber, type Applicant } from '../support/people';
import { expect, test } from '../support/test';

/** The error is beside its field, is tied to it, and the alert at the top leads there. */
async function expectErrorBeside(page: Page, name: string, words: RegExp): Promise<void> {
  await expect(page.locator(`#${name}-error`)).toContainText(words);
  await expect(field(page, name)).toHaveAttribute('aria-invalid', 'true');
  await expect(field(page, name)).toHaveAttribute('aria-describedby', new RegExp(`(^| )${name}-error( |$)`));
  await expect(alertOf(page).locator(`a[href="#${name}"]`)).toContainText(words);
  const [alert, control] = await Promise.all([alertOf(page).boundingBox(), field(page, name).boundingBox()]);
  expect(alert!.y).toBeLessThan(control!.y);
}

const cases: {
  what: string;
  wishes?: RegistrationWishes;
  change?: Partial<Applicant>;
  errors: Record<string, RegExp>;
}[] = [
  {
    what: 'verification without a phone',
    wishes: { verify: true },
    errors: { phone: /Enter the phone number to verify/ },
  },
  {
    what: 'updates without a phone and without consent',
    wishes: { updates: true, consent: false },
    errors: { phone: /Enter the phone number for text updates/, tcpaConsent: /We need your agreement/ },
  },
  {
    what: 'verification without consent',
    wishes: { phone: '(555) 123-4567', verify: true, consent: false },
    errors: { tcpaConsent: /We need your agreement/ },
  },
  { what: 'a short password', change: { password: 'kestrel' }, errors: { password: /too short/ } },
  {
    what: 'a common password',
    change: { password: 'password123' },
    errors: { password: /easy to guess|first that attackers try/ },
  },
  {
    what: 'a phone that is none',
    wishes: { phone: '555 12', verify: true },
    errors: { phone: /phone number/ },
  },
  {
    what: 'an incomplete email and no name',
    change: { email: 'alex@example', name: '' },
    errors: { email: /not complete/, name: /Enter your name/ },
  },
];

for (const { what, wishes, change, errors } of cases) {
  test(`${what} is an error beside its field, tied to it, in an alert at the top`, async ({ page }) => {
    const applicant = { ...newApplicant(), ...change };
    await open(page, paths.register);
    await fillRegistration(page, applicant, wishes);
    await button(page, 'Create account').click();
    for (const [name, words] of Object.entries(errors)) await expectErrorBeside(page, name, words);
    await expect(page.locator('[aria-invalid="true"]')).toHaveCount(Object.keys(errors).length);
    await expect(field(page, 'email')).toHaveValue(applicant.email);
    if (wishes?.verify) await expect(field(page, 'verifyPhone')).toBeChecked();
    expect(await page.content()).not.toContain(applicant.password);
    expect(await readAccounts(applicant.email)).toEqual([]);
  });
}

test('an error put right lets the registration through', async ({ page }) => {
  const applicant = newApplicant();
  await open(page, paths.register);
  await fillRegistration(page, applicant, { verify: true });
  await button(page, 'Create account').click();
  // The error beside the field is there before the press; the alert says that the press was refused.
  await expectErrorBeside(page, 'phone', /Enter the phone number to verify/);
  await field(page, 'phone').fill(newNumber());
  await field(page, 'password').fill(applicant.password);
  await button(page, 'Create account').click();
  await expect(page).toHaveURL((url) => url.pathname === paths.code);
});

test('the check boxes start unticked, and the consent text says all that it must', async ({ page }) => {
  await open(page, paths.register);
  // The question comes with a number.
  await field(page, 'phone').fill('2');
  for (const box of ['smsOptIn', 'verifyPhone', 'tcpaConsent'])
    await expect(field(page, box)).not.toBeChecked();
  const terms = page.locator('#tcpaConsent-terms');
  for (const words of [
    'Doorstep',
    'verification code',
    'Message frequency varies',
    'Message and data rates may apply',
    'STOP',
    'HELP',
    'not a condition',
  ]) {
    await expect(terms).toContainText(words);
  }
  await expect(terms.getByRole('link', { name: 'terms' })).toHaveAttribute('href', '/terms');
  await expect(terms.getByRole('link', { name: 'privacy policy' })).toHaveAttribute('href', '/privacy');
});
