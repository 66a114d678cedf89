import { makeGate, type Bounds, type Gate } from './gate';

/**
 * Kinds of requests that do not wait for each other: pages, what is sent to us, the files that pages are made of, calls of
 * the webhooks, and questions whether we are well.
 */
export type Lane = 'pages' | 'forms' | 'files' | 'webhooks' | 'probes';

/**
 * Measured on two cores (docs/decisions/0016-turns-before-next.md). A page asks the database a dozen times, and after each
 * answer it waits until the event loop has gone round, which takes as long as all that is in hand there. A file is a
 * twentieth of a page. Of forms no more are in hand than the pool has connections (db/client.ts), and of one network
 * fewer, so that one whose forms wait for each other's locks leaves some.
 */
const boundsOf: Record<Lane, Bounds> = {
  pages: {
    inHand: [6, 12],
    inHandPerNetwork: [2, 6],
    waiting: 1_000,
    waitingPerNetwork: 100,
    patienceMs: 10_000,
    placeMs: 10_000,
  },
  forms: {
    inHand: [4, 10],
    inHandPerNetwork: [2, 4],
    waiting: 500,
    waitingPerNetwork: 64,
    patienceMs: 15_000,
    placeMs: 10_000,
  },
  files: {
    inHand: [12, 32],
    inHandPerNetwork: [6, 16],
    waiting: 2_000,
    waitingPerNetwork: 1_000,
    patienceMs: 10_000,
    placeMs: 5_000,
  },
  webhooks: {
    inHand: [4, 12],
    inHandPerNetwork: [2, 6],
    waiting: 1_000,
    waitingPerNetwork: 500,
    patienceMs: 10_000,
    placeMs: 10_000,
  },
  probes: {
    inHand: [2, 8],
    inHandPerNetwork: [1, 4],
    waiting: 100,
    waitingPerNetwork: 20,
    patienceMs: 5_000,
    placeMs: 5_000,
  },
};

/** An answer that has begun keeps its place for so long at most: a place is for making it, not for carrying it. */
export const carryMs = 1_000;

/** @param isOneNetwork whether everyone comes from one network, as on localhost: then it may have all the places */
export function makeLanes(isOneNetwork: boolean): Record<Lane, Gate> {
  const open = (lane: Lane): Gate => {
    const bounds = boundsOf[lane];
    return makeGate(
      isOneNetwork
        ? { ...bounds, inHandPerNetwork: bounds.inHand, waitingPerNetwork: bounds.waiting }
        : bounds,
    );
  };
  return {
    pages: open('pages'),
    forms: open('forms'),
    files: open('files'),
    webhooks: open('webhooks'),
    probes: open('probes'),
  };
}

export function laneOf({
  method,
  url = '',
}: {
  method?: string | undefined;
  url?: string | undefined;
}): Lane {
  const path = url.split('?', 1)[0]!.replace(/\/$/, '');
  if (path === '/users/webhook/twilio' || path === '/users/webhook/twilio/inbound') return 'webhooks';
  if (method !== 'GET' && method !== 'HEAD') return 'forms';
  if (path === '/api/health' || path === '/api/ready') return 'probes';
  return path.startsWith('/_next/static/') ? 'files' : 'pages';
}
