import { expect, type Page } from 'playwright/test';

/** The link of the latest mail with a subject to an address, as the page of development mail shows it. */
export async function readMailLink(
  page: Page,
  { to, subject }: { to: string; subject: RegExp },
): Promise<string> {
  const mail = page
    .locator('section')
    .filter({ hasText: to })
    .filter({ has: page.getByRole('heading', { level: 2, name: subject }) })
    .first();
  await expect(async () => {
    await page.goto('/dev/mail');
    await expect(mail).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  const href = await mail.getByRole('link', { name: 'Open the link' }).getAttribute('href');
  const { pathname, search } = new URL(href!);
  return pathname + search;
}
