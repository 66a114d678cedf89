import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Log } from '@/lib/log';
import { outboxChannel } from './outbox';

export type Wake = { ring: () => void; wait: (ms: number, signal: AbortSignal) => Promise<void> };

/** A bell that is heard by the next wait, even when nobody waits at that moment. */
export function makeWake(): Wake {
  let rung = false;
  let hear: (() => void) | null = null;
  return {
    ring: () => {
      rung = true;
      hear?.();
    },
    wait: async (ms, signal) => {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          hear = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      hear = null;
      rung = false;
    },
  };
}

/** Listens for new texts on a connection of its own, for as long as it takes to get one. */
export async function listenForTexts(
  databaseUrl: string,
  { wake, log, signal }: { wake: () => void; log: Log; signal: AbortSignal },
): Promise<void> {
  let pauseMs = 100;
  while (!signal.aborted) {
    const client = new Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'doorstep-listen',
    });
    const ended = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
    });
    try {
      await client.connect();
      client.on('notification', wake);
      await client.query(`listen ${outboxChannel}`);
      pauseMs = 100;
      // What was asked for while nobody listened.
      wake();
      await Promise.race([ended, whenAborted(signal)]);
    } catch (error) {
      log.debug('listen_failed', { error });
    } finally {
      await client.end().catch(() => undefined);
    }
    if (signal.aborted) return;
    log.warn('listen_connection_lost', { retryInMs: pauseMs });
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(5_000, pauseMs * 2);
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
