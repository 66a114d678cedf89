import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from 'playwright/test';

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * Fails on any violation of WCAG 2.2 AA, in light and in dark, where two elements have the same id, and where the page is wider
 * than the screen, also of a small phone with text twice as large.
 */
export async function expectAccessible(page: Page): Promise<void> {
  // Where a script has led on to a page, its title comes a moment after its words.
  await expect(page).toHaveTitle(/./);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await awaitColours(page);
    // In the page itself: without frames there is nothing to put together in a page of its own, which takes longer than all rules.
    expect(page.frames()).toHaveLength(1);
    // Of what passes, its number is enough.
    const { violations, passes } = await new AxeBuilder({ page })
      .options({ resultTypes: ['violations'] })
      .withTags(rules)
      .setLegacyMode()
      .analyze();
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
  await expectLargeTextToFit(page);
}

/**
 * Fails where a small phone has to be scrolled sideways once text is twice as large, by the browser's own setting (WCAG 2.2, 1.4.4
 * and 1.4.10). A wide window is made narrow for it: phones, which zoom out of a page that is too wide, need not be asked again.
 */
async function expectLargeTextToFit(page: Page): Promise<void> {
  const size = page.viewportSize()!;
  if (size.width < 544) return;
  // Not detached: the browser would then give back what other sessions have set.
  const session = await page.context().newCDPSession(page);
  const setText = (standard: number) => session.send('Page.setFontSizes', { fontSizes: { standard } });
  await page.setViewportSize({ width: 320, height: size.height });
  await setText(32);
  const { text, out } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const elements = scrollWidth <= clientWidth ? [] : [...document.querySelectorAll('body *')];
    return {
      text: getComputedStyle(document.documentElement).fontSize,
      out: elements
        .filter((element) => element.getBoundingClientRect().right > clientWidth)
        .map((element) => element.outerHTML.slice(0, 120)),
    };
  });
  await setText(16);
  await page.setViewportSize(size);
  expect(text).toBe('32px');
  expect(out, `what sticks out of ${page.url()} with large text`).toEqual([]);
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
