import { wideNetworkOf } from '@/lib/client-address';
import { makeGate, type Bounds, type Gate } from './gate';

/**
 * Kinds of requests that do not wait for each other: pages, what open pages ask again and again, forms, those of them with a
 * password, the same from browsers that an account knows, the files that pages are made of, calls of the webhooks, the traces of those that never came in full or that
 * nobody signed, and questions whether we are well.
 */
export type Lane =
  'pages' | 'states' | 'forms' | 'passwords' | 'known_passwords' | 'files' | 'webhooks' | 'traces' | 'probes';

/** For what is about nothing that others could hold. */
const noSubjects = { inProgressPerSubject: Infinity, waitingPerSubject: Infinity };

/**
 * Measured on two cores (docs/decisions/0016-turns-before-next.md). A page asks the database a dozen times, and after each
 * answer it waits until the event loop has gone round, which takes as long as everything in progress. A file is a
 * twentieth of a page. No more forms of a kind are in progress than the pool has connections (db/client.ts), and fewer of one
 * network, so that one whose forms wait for each other's locks leaves some. Texts of one number are taken in one after the
 * other in any case, under its lock (lib/sms/inbound/receive-text.ts), so one of them has a place. A crowd that waits for its
 * codes asks hundreds of times a second how these are: whoever opens a page does not wait for that. A form with a password waits for
 * the few threads that hash, and holds its place meanwhile: whoever enters a code does not wait for that.
 */
const forms: Bounds = {
  inProgress: [4, 10],
  inProgressPerNetwork: [2, 4],
  waiting: 500,
  waitingPerNetwork: 64,
  inProgressPerSubject: 2,
  waitingPerSubject: 8,
  patienceMs: 15_000,
  placeMs: 10_000,
};

const boundsOf: Record<Lane, Bounds> = {
  pages: {
    inProgress: [6, 12],
    inProgressPerNetwork: [2, 6],
    waiting: 1_000,
    waitingPerNetwork: 100,
    ...noSubjects,
    patienceMs: 10_000,
    placeMs: 10_000,
  },
  states: {
    inProgress: [2, 6],
    inProgressPerNetwork: [1, 3],
    waiting: 500,
    waitingPerNetwork: 100,
    ...noSubjects,
    patienceMs: 5_000,
    placeMs: 5_000,
  },
  forms,
  passwords: forms,
  // Strangers of however many networks are not among them (docs/decisions/0012-known-browsers.md). Of one account one is in progress, so
  // whoever has one of their own takes one place.
  known_passwords: {
    ...forms,
    inProgress: [2, 6],
    inProgressPerNetwork: [1, 2],
    inProgressPerSubject: 1,
    waitingPerSubject: 4,
  },
  files: {
    inProgress: [12, 32],
    inProgressPerNetwork: [6, 16],
    waiting: 2_000,
    waitingPerNetwork: 1_000,
    ...noSubjects,
    patienceMs: 10_000,
    placeMs: 5_000,
  },
  webhooks: {
    inProgress: [4, 12],
    inProgressPerNetwork: [2, 6],
    waiting: 1_000,
    waitingPerNetwork: 500,
    inProgressPerSubject: 1,
    waitingPerSubject: 20,
    patienceMs: 10_000,
    placeMs: 10_000,
  },
  // Whoever cuts their calls off, or signs none, does so at no cost, so no more of them are written down than show that it happens.
  traces: {
    inProgress: [1, 2],
    inProgressPerNetwork: [1, 1],
    waiting: 40,
    waitingPerNetwork: 4,
    ...noSubjects,
    patienceMs: 5_000,
    placeMs: 5_000,
  },
  probes: {
    inProgress: [2, 8],
    inProgressPerNetwork: [1, 4],
    waiting: 100,
    waitingPerNetwork: 20,
    ...noSubjects,
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
        ? { ...bounds, inProgressPerNetwork: bounds.inProgress, waitingPerNetwork: bounds.waiting }
        : bounds,
      wideNetworkOf,
    );
  };
  return {
    pages: open('pages'),
    states: open('states'),
    forms: open('forms'),
    passwords: open('passwords'),
    known_passwords: open('known_passwords'),
    files: open('files'),
    webhooks: open('webhooks'),
    traces: open('traces'),
    probes: open('probes'),
  };
}

/** In which lane a request is. A form that has been read is told by `hasPassword` whether it is one with a password. */
export function laneOf({
  method,
  url = '',
}: {
  method?: string | undefined;
  url?: string | undefined;
}): Lane {
  const path = pathOf(url);
  if (path === '/users/webhook/twilio' || path === '/users/webhook/twilio/inbound') return 'webhooks';
  if (method !== 'GET' && method !== 'HEAD') return 'forms';
  if (path === '/api/health' || path === '/api/ready') return 'probes';
  if (path === '/users/verify-phone/status') return 'states';
  return path.startsWith('/_next/static/') ? 'files' : 'pages';
}

/** Of a target that has been examined (examine-request.ts), so that no other spelling is the same. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0]!.replace(/\/$/, '');
}
