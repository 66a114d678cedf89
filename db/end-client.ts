import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';

/** Ends a connection: with a word of goodbye, and without an answer to it when none comes within `withinMs`. Never throws. */
export async function endClient(client: Client, withinMs = 1_000): Promise<void> {
  const patience = new AbortController();
  const ended = client.end().catch(() => undefined);
  await Promise.race([ended, delay(withinMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  client.connection.stream.destroy();
}
