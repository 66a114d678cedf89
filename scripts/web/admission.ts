import { performance } from 'node:perf_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { busyHeaders, busyWords, refuse, sayBusy, tooLargeWords } from './answers';
import { makeBodyRooms, type BodyRoom } from './body-room';
import { cutShort, withBody } from './buffered-request';
import { discardRest } from './discard-rest';
import { maxBodyBytes, maxWebhookBytes } from '@/lib/body-limit';
import { carryMs, laneOf, makeLanes, type Lane } from './lanes';
import { hasBody, readBody, type BodyVerdict } from './read-body';
import type { RefusalKind } from './refusals-line';
import { hasPassword, subjectsOf } from './subjects';

/** A form of a few KB takes a second or two on the slowest line. */
const bodyMs = 20_000;

const bodyMemory = { bytes: 16 * 1024 * 1024, bytesPerNetwork: 2 * 1024 * 1024 };

/** Who is refused at once would ask again at once. To let them wait costs a connection, which is theirs as well. */
const busyPauseMs = 1_000;

const sweepMs = 100;

/** Of the time since the last look, in which the event loop had something to do. */
const busyShare = 0.8;

/**
 * What every request goes through once it has been examined: its body is read, so that slow ones keep nobody waiting;
 * then it waits for a place among those of its kind, in turns by wide network, then by network; then it is handed on. The place is free again when
 * the answer is out or the connection closed, a second after the answer began, or when it has been kept for too long.
 *
 * @param isOneNetwork whether everyone comes from one network, as on localhost
 * @param isSigned whether a call of a webhook is signed: one that is not takes no place of those that are, nor of the number it names
 * @param findKnown by which account the browser of a form with a password is known; null: by none
 * @param note is told of what is refused because there is too much
 */
export function makeAdmission({
  isOneNetwork,
  isSigned,
  findKnown,
  handle,
  note,
}: {
  isOneNetwork: boolean;
  isSigned: (request: IncomingMessage, body: Buffer) => Promise<boolean>;
  findKnown: (request: IncomingMessage, body: Buffer) => string | null;
  handle: (request: IncomingMessage, response: ServerResponse) => unknown;
  note: (kind: RefusalKind, network: string) => void;
}): {
  admit: (request: IncomingMessage, response: ServerResponse, network: string) => Promise<void>;
  end: () => void;
} {
  const lanes = makeLanes(isOneNetwork);
  const openRoom = makeBodyRooms(
    isOneNetwork ? { ...bodyMemory, bytesPerNetwork: bodyMemory.bytes } : bodyMemory,
  );
  let lookedAt = performance.eventLoopUtilization();
  const sweep = setInterval(() => {
    const before = lookedAt;
    lookedAt = performance.eventLoopUtilization();
    const isFree = performance.eventLoopUtilization(lookedAt, before).utilization < busyShare;
    for (const gate of Object.values(lanes)) gate.sweep(isFree);
  }, sweepMs).unref();

  /** Answers what may not go on, if anyone waits for an answer. */
  const turnAway = (
    verdict: Exclude<BodyVerdict, 'whole'>,
    request: IncomingMessage,
    response: ServerResponse,
    network: string,
  ): void => {
    if (verdict === 'cut') return;
    if (verdict !== 'too_large') note(verdict === 'too_slow' ? 'slow' : 'crowded', network);
    const [status, words, headers] = bodyRefusals[verdict];
    refuse(request, response, status, words, headers);
  };

  /** A call of a webhook that never came in full leaves its trace all the same, and takes no place of those that did. */
  const leaveTrace = async (request: IncomingMessage, read: Buffer, network: string): Promise<void> => {
    const ticket = lanes.traces.enter(network);
    if ((await ticket.turn) !== 'go') return;
    const cut = cutShort(request, read);
    try {
      await handle(cut.request, cut.response);
    } finally {
      ticket.leave();
    }
  };

  const takePlace = async (
    request: IncomingMessage,
    response: ServerResponse,
    network: string,
    room: BodyRoom,
    lane: Lane,
    subjects: readonly string[] = [],
  ): Promise<void> => {
    if (request.socket.destroyed) return;
    const ticket = lanes[lane].enter(network, subjects);
    let handled: Promise<unknown> = Promise.resolve();
    // Who goes away leaves their place to nobody as long as the app goes on for them. The event loop goes round before the next is let
    // in: else a line of short ones would be served in one go.
    response.once('close', () => void handled.then(() => setImmediate(ticket.leave)));
    const turn = await Promise.race([ticket.turn, room.lost.then(() => 'lost' as const)]);
    if (turn === 'go') {
      room.close();
      whenBegun(response, () => ticket.leaveWithin(carryMs));
      handled = Promise.resolve(handle(request, response)).catch((error: unknown) => {
        console.error(error);
        response.destroy();
      });
    } else if (turn !== 'gone') {
      ticket.leave();
      room.close();
      note('crowded', network);
      setTimeout(() => sayBusy(response), busyPauseMs);
    }
  };

  return {
    admit: async (request, response, network) => {
      const lane = laneOf(request);
      const isWebhook = lane === 'webhooks';
      const room = openRoom(network);
      response.once('close', room.close);
      if (!hasBody(request)) {
        // Without a body no call is signed.
        await takePlace(request, response, network, room, isWebhook ? 'traces' : lane);
        return;
      }
      const mostBytes = isWebhook ? maxWebhookBytes : maxBodyBytes;
      const { verdict, read } = await readBody(request, { mostBytes, withinMs: bodyMs, room });
      // What is too long for a webhook is refused there, of what it is told; the rest is thrown away.
      if (isWebhook && verdict === 'too_large') {
        response.setHeader('connection', 'close');
        discardRest(request);
      } else if (verdict !== 'whole') {
        room.close();
        turnAway(verdict, request, response, network);
        if (isWebhook && verdict !== 'no_room') await leaveTrace(request, read, network);
        return;
      }
      const place = async (): Promise<[lane: Lane, subjects?: string[]]> => {
        if (isWebhook && !(await isSigned(request, read))) return ['traces'];
        const subjects = subjectsOf(request, read);
        if (lane !== 'forms' || !hasPassword(request, read)) return [lane, subjects];
        const known = findKnown(request, read);
        return known === null ? ['passwords', subjects] : ['known_passwords', [...subjects, known]];
      };
      await takePlace(withBody(request, read), response, network, room, ...(await place()));
    },
    end: () => clearInterval(sweep),
  };
}

const bodyRefusals: Record<
  Exclude<BodyVerdict, 'whole' | 'cut'>,
  [status: number, words: string, headers?: Record<string, string>]
> = {
  too_large: [413, tooLargeWords],
  too_slow: [408, 'This took too long to arrive, so nothing was saved. Send it again.'],
  no_room: [503, busyWords, busyHeaders],
};

/** Runs `run` when the head of an answer is written. */
function whenBegun(response: ServerResponse, run: () => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((...args: unknown[]) => {
    run();
    return writeHead(...args);
  }) as typeof response.writeHead;
}
