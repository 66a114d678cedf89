import { AsyncLocalStorage } from 'node:async_hooks';

// Our listener begins the scope, and what Next has bundled apart reads it; both mean one.
const holder = globalThis as typeof globalThis & { doorstepRequest?: AsyncLocalStorage<string> };

/** Runs `run`, and all that it begins, as part of answering the request with this id. */
export function inRequest<Value>(id: string, run: () => Value): Value {
  return (holder.doorstepRequest ??= new AsyncLocalStorage<string>()).run(id, run);
}

/** The id of the request that is being answered, made by our listener (scripts/web/request-log.ts); null: none is. */
export function currentRequestId(): string | null {
  return holder.doorstepRequest?.getStore() ?? null;
}
