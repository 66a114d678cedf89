import { open } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

const phone = { width: 360, height: 640 };
const wide = { width: 1280, height: 720 };

test('the overview and the limits take at most five screens of a small phone, and a wide screen folds nothing', async ({
  page,
}) => {
  await enterAs(page, await makePerson('admin'));
  for (const path of ['/admin', '/admin/limits']) {
    await page.setViewportSize(phone);
    await open(page, path);
    const [inAll, ofOthers] = await page.evaluate(() => {
      // What other tests set off: alarms, and codes that look like an attack.
      const parts = [...document.querySelectorAll('[data-alarm], #attack')];
      const heights = parts.map((part) => part.getBoundingClientRect().height);
      return [
        document.documentElement.scrollHeight,
        heights.reduce((sum, height) => sum + height, 0),
      ] as const;
    });
    expect(inAll - ofOthers, path).toBeLessThanOrEqual(5 * phone.height);

    const folds = page.locator('main details[data-fold]');
    const parts = await folds.count();
    expect(parts).toBeGreaterThan(3);
    for (const fold of await folds.all()) {
      await expect(fold.locator('> div')).toBeHidden();
      await fold.locator('> summary').click();
      await expect(fold.locator('> div')).toBeVisible();
      await fold.locator('> summary').click();
    }
    await page.setViewportSize(wide);
    for (const fold of await folds.all()) {
      await expect(fold.locator('> summary')).toBeHidden();
      await expect(fold.locator('> div')).toBeVisible();
    }
  }
});
