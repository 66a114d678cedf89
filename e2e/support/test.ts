import { expect, test as base, type BrowserContext } from 'playwright/test';
import { forgetAddress } from './database';
import { readRun } from './run';

export { expect };

/** What the browser complained about: errors on the console (violations of the CSP are among them) and uncaught ones. */
class Faults {
  readonly #seen: string[] = [];
  readonly #expected: RegExp[] = [];

  /** Names a complaint that belongs to the test. */
  expect(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  /** Listens to every page of a context; the test's own is listened to already. */
  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      if (message.type() === 'error') this.#seen.push(`${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (event) => this.#seen.push(String(event.error())));
  }

  unexpected(): string[] {
    return this.#seen.filter((fault) => !this.#expected.some((pattern) => pattern.test(fault)));
  }
}

type Fixtures = {
  faults: Faults;
  /** Opens another browser, as another person or on another device of the same person. */
  openBrowser: () => Promise<BrowserContext>;
};

/** Playwright's `test` on the run's app; a test in which the browser complains fails. */
export const test = base.extend<Fixtures>({
  baseURL: async ({}, use) => use(readRun().appUrl),
  faults: [
    async ({ context }, use) => {
      await forgetAddress();
      const faults = new Faults();
      faults.watch(context);
      await use(faults);
      expect(faults.unexpected(), 'what the browser complained about').toEqual([]);
    },
    { auto: true },
  ],
  openBrowser: async ({ browser, faults }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext();
      faults.watch(context);
      contexts.push(context);
      return context;
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});
