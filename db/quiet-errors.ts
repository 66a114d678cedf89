import { DrizzleQueryError } from 'drizzle-orm';

const causes = new WeakMap<object, unknown>();

/**
 * Keeps the values of a failed statement out of its error: drizzle puts them into the message, PostgreSQL into `detail`,
 * and whoever logs the error would log emails, numbers and hashes. The statement's text and PostgreSQL's code stay.
 */
export function quietQueryErrors(): void {
  Object.defineProperty(DrizzleQueryError.prototype, 'params', {
    configurable: true,
    get: () => [],
    // Assigned in the constructor after the message, so this is where the message can lose them again.
    set(this: DrizzleQueryError) {
      this.message = `Failed query: ${this.query}`;
    },
  });
  Object.defineProperty(DrizzleQueryError.prototype, 'cause', {
    configurable: true,
    get(this: DrizzleQueryError) {
      return causes.get(this);
    },
    set(this: DrizzleQueryError, cause: unknown) {
      if (cause instanceof Error) {
        for (const field of ['detail', 'where', 'internalQuery']) Reflect.deleteProperty(cause, field);
      }
      causes.set(this, cause);
    },
  });
}
