import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import {
  enterCode,
  expectPage,
  fillRegistration,
  open,
  paths,
  register,
  signIn,
  signOut,
} from '../support/journeys';
import { newApplicant, newNumber, writeNationally } from '../support/people';
import { readRun } from '../support/run';
import { expect, test } from '../support/test';
import { readCode, wrongCode } from '../support/texts';

/** All addresses that a page asks for, and all answers that are text, the page's own and what its scripts load. */
function listen(page: Page): { urls: string[]; readAnswers: () => Promise<string[]> } {
  const urls: string[] = [];
  const answers: Promise<string>[] = [];
  page.on('request', (request) => urls.push(request.url()));
  page.on('response', (response) => {
    if (!['document', 'fetch', 'xhr'].includes(response.request().resourceType())) return;
    // The body of a redirect, or of an answer whose page was left, cannot be read.
    answers.push(response.text().catch(() => ''));
  });
  return { urls, readAnswers: () => Promise.all(answers) };
}

/** Not within a longer number, and not within an identifier, which may have any six digits by chance. */
const alone = (digits: string): RegExp => new RegExp(`(?<![\\da-z])${digits}(?![\\da-z])`, 'i');

test('no code, password, token or whole number gets into an address, into the code page or into the log', async ({
  page,
  context,
}) => {
  const phone = newNumber();
  const applicant = newApplicant();
  const { urls, readAnswers } = listen(page);
  await open(page, paths.register);
  await fillRegistration(page, { ...applicant, password: 'kestrel-7' }, { phone: '12', verify: true });
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.locator('#phone-error')).toBeVisible();
  await register(page, { phone: writeNationally(phone), verify: true }, applicant);
  const pending = (await context.cookies()).find(({ name }) => name.includes('pending'))!;
  const code = await readCode(phone);
  const wrong = wrongCode(code);
  await enterCode(page, wrong);
  await expect(page.locator('#code-error')).toBeVisible();
  await open(page, paths.code);
  const codePage = await page.content();
  const answersSoFar = await readAnswers();

  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  const session = (await context.cookies()).find(({ name }) => name.includes('session'))!;
  await signOut(page);
  await signIn(page, { ...applicant, password: 'certainly another one' });
  await expect(page.locator('form [role="alert"]')).toBeVisible();

  const local = phone.slice(2);
  const secrets = [
    alone(code),
    alone(wrong),
    applicant.password,
    encodeURIComponent(applicant.password),
    'kestrel-7',
    'certainly another one',
    pending.value,
    session.value,
  ];
  // The person's own pages have their number, and nothing that is kept does.
  const kept = [...secrets, alone(local), alone(phone.slice(1)), writeNationally(phone)];
  const leaksOf = (text: string, what: readonly (string | RegExp)[]): string[] =>
    what
      .filter((secret) => (typeof secret === 'string' ? text.includes(secret) : secret.test(text)))
      .map(String);

  expect(urls.length).toBeGreaterThan(5);
  // How many can still be read depends on how soon their pages were left.
  expect(answersSoFar.filter((answer) => answer.length > 100).length).toBeGreaterThan(0);
  for (const url of urls) expect(leaksOf(url, kept), url).toEqual([]);
  expect(codePage).toContain(writeNationally(phone));
  for (const answer of [codePage, ...answersSoFar]) expect(leaksOf(answer, secrets)).toEqual([]);
  const log = readFileSync(readRun().serverLog, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('[sms] '))
    .join('\n');
  expect(leaksOf(log, kept)).toEqual([]);
});
