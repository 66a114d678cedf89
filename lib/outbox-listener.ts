import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { endClient } from '@/db/end-client';
import { keepAlive } from '@/db/keep-alive';
import type { Log } from './log';

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

/** So often a silent connection is asked whether it still works: 0.04 statements a second. */
const heartbeatMs = 25_000;
const answerMs = 5_000;

/**
 * Listens for what is put into an outbox, by its `channel`, on a connection of its own, for as long as it takes to get one.
 *
 * A connection that only listens never finds out by itself that nobody is left at its other end. A machine that vanished
 * is noticed by TCP (`db/keep-alive.ts`); what only something between us and PostgreSQL keeps open, by the heartbeat.
 */
export async function listenToOutbox(
  databaseUrl: string,
  {
    channel,
    wake,
    log,
    signal,
    timing = { heartbeatMs, answerMs },
  }: {
    channel: string;
    wake: () => void;
    log: Log;
    signal: AbortSignal;
    timing?: { heartbeatMs: number; answerMs: number };
  },
): Promise<void> {
  let pauseMs = 100;
  while (!signal.aborted) {
    const client = new Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: timing.answerMs,
      query_timeout: timing.answerMs,
      ...keepAlive,
      application_name: 'doorstep-listen',
    });
    const lost = new AbortController();
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
    const over = AbortSignal.any([signal, lost.signal]);
    try {
      await client.connect();
      client.on('notification', wake);
      await client.query(`listen ${channel}`);
      pauseMs = 100;
      // What was asked for while nobody listened.
      wake();
      while (!over.aborted) {
        await delay(timing.heartbeatMs, undefined, { signal: over }).catch(() => undefined);
        if (!over.aborted) await client.query('select 1');
      }
    } catch (error) {
      log.debug('listen_failed', { error });
    } finally {
      await endClient(client);
    }
    if (signal.aborted) return;
    log.warn('listen_connection_lost', { retryInMs: pauseMs });
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(5_000, pauseMs * 2);
  }
}
