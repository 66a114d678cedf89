import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from 'playwright/test';

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * Fails on any violation of WCAG 2.2 AA, in light and in dark, where two elements have the same id, and where the page is wider
 * than the screen.
 */
export async function expectAccessible(page: Page): Promise<void> {
  // Where a script has led on to a page, its title comes a moment after its words.
  await expect(page).toHaveTitle(/./);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await awaitColours(page);
    const { violations, passes } = await new AxeBuilder({ page }).withTags(rules).analyze();
    expect(passes.length).toBeGreaterThan(10);
    expect(
      violations.map(({ id, help, nodes }) => ({
        id,
        help,
        where: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
      })),
      `${page.url()} in ${colorScheme}`,
    ).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
  // Labels, errors and links name an element by its id; axe has no rule for that any more.
  const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
  expect(ids.length).toBeGreaterThan(0);
  expect(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    `ids that ${page.url()} has twice`,
  ).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, 'what sticks out to the right').toBeLessThanOrEqual(0);
}

/** Colours change by way of transitions, however short: until a frame has been drawn axe would measure some half way. */
async function awaitColours(page: Page): Promise<void> {
  await page.bringToFront();
  await page.evaluate(async () => {
    // Callbacks of the first frame run before its styles are worked out, and with them what changes.
    for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
  });
}
