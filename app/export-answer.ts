import type { Export, ExportRefusal } from '@/lib/auth/settings/export-data';

import { sayWhen } from './_format/say-when';

const words: Record<ExportRefusal['reason'], (retryAt: string) => string> = {
  too_many_changes: (retryAt) =>
    `You have downloaded your data many times. You can download it again ${retryAt}.`,
  under_way: () =>
    'Your data is already being downloaded. Wait until that download has ended, then try again.',
  gone: () => 'This account no longer exists.',
  recovered_lately: (retryAt) =>
    `Your password was reset by email not long ago. To protect the account, your data can be downloaded again ${retryAt}.`,
};

const statuses: Record<ExportRefusal['reason'], number> = {
  too_many_changes: 429,
  under_way: 429,
  gone: 404,
  recovered_lately: 403,
};

const underWaySeconds = 60;

/** How the page that a browser is led back to is told why it got no file. */
const marks = {
  many: 'too_many_changes',
  busy: 'under_way',
  reset: 'recovered_lately',
} as const satisfies Record<string, ExportRefusal['reason']>;

/** The reason that an address names; null: none. */
export function readRefusedMark(
  mark: string | string[] | undefined,
): (typeof marks)[keyof typeof marks] | null {
  return typeof mark === 'string' && Object.hasOwn(marks, mark) ? marks[mark as keyof typeof marks] : null;
}

/**
 * Answers with a file, written piece by piece as fast as it is read, so that memory does not grow with it. Or refuses: who asked for
 * a page is led back to the one that offers the file, which says why (`ExportRefused`); all others get words. `name` is the file's,
 * to which the day is added; `signal` aborts when the browser goes away.
 */
export function answerExport(
  exported: Export | ExportRefusal,
  {
    name,
    now,
    timeZone,
    page,
    accepts,
    signal,
  }: {
    name: string;
    now: Date;
    timeZone: string | null;
    /** Which page offers the file. */
    page: string;
    /** The request's `Accept`. */
    accepts: string | null;
    signal: AbortSignal;
  },
): Response {
  if (!exported.ok && accepts?.includes('text/html')) {
    const [mark] = Object.entries(marks).find(([, reason]) => reason === exported.reason) ?? [];
    const location = mark === undefined ? page : `${page}?refused=${mark}`;
    return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } });
  }
  if (!exported.ok) {
    const retryAt = 'retryAt' in exported ? exported.retryAt : null;
    const when = retryAt === null ? '' : sayWhen(retryAt, now, timeZone);
    const retryAfter =
      retryAt === null ? underWaySeconds : Math.ceil((retryAt.getTime() - now.getTime()) / 1000);
    return new Response(`${words[exported.reason](when)}\n`, {
      status: statuses[exported.reason],
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        ...(exported.reason !== 'gone' && { 'retry-after': String(retryAfter) }),
      },
    });
  }
  endWith(signal, exported.chunks);
  return new Response(streamPieces(exported.chunks), {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': `attachment; filename="${name}-${now.toISOString().slice(0, 10)}.json"`,
      'cache-control': 'no-store',
    },
  });
}

/** To a question for a file's headers alone: answering it in earnest would take the person's turn and write nothing. */
export function refuseHead(): Response {
  return new Response(null, { status: 405, headers: { allow: 'GET', 'cache-control': 'no-store' } });
}

/**
 * Next does not cancel a stream that it has not begun to read, so the signal alone tells of a browser that went away before:
 * the person's turn ends. If that cannot be written down, it ends by itself within a minute.
 */
function endWith(signal: AbortSignal, chunks: AsyncGenerator<string, void>): void {
  const end = (): void => void chunks.return().catch(() => undefined);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}

/** A file, a piece at a time, each read when it is asked for. Where the browser goes away, no more are, and a person's turn ends. */
export function streamPieces(pieces: AsyncGenerator<Uint8Array | string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
      },
      cancel: async () => void (await pieces.return()),
    },
    { highWaterMark: 0 },
  );
}
