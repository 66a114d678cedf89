import { readAccounts } from '../support/database';
import { button, expectPage, field, fillRegistration, open, paths } from '../support/journeys';
import { newApplicant } from '../support/people';
import { expect, test } from '../support/test';

const spellings = [
  '(555) 123-4567',
  '555.123.4567',
  '+1 555 123 4567',
  '1-555-123-4567',
  '５５５１２３４５６７',
  '＋１（５５５）１２３－４５６７',
];

for (const spelling of spellings) {
  test(`the phone ${spelling} is one number, typed as well as pasted`, async ({ page, openBrowser }) => {
    const quiet = await (await openBrowser()).newPage();
    for (const [visitor, typed] of [
      [page, true],
      [quiet, false],
    ] as const) {
      const applicant = newApplicant();
      await open(visitor, paths.register);
      await fillRegistration(visitor, applicant);
      if (typed) await field(visitor, 'phone').pressSequentially(spelling);
      else await field(visitor, 'phone').fill(spelling);
      await button(visitor, 'Create account').click();
      await expectPage(visitor, paths.dashboard);
      expect((await readAccounts(applicant.email))[0]!.phone).toBe('+15551234567');
    }
  });
}
