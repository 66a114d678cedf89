import type { Export, ExportRefusal } from '@/lib/auth/export-data';

const words: Record<ExportRefusal['reason'], string> = {
  under_way: 'Your data is already being downloaded. Wait until that download has ended, then try again.',
  gone: 'This account no longer exists.',
};

/**
 * Answers with a file, written piece by piece as fast as it is read, so that memory does not grow with it; or refuses in
 * words. `name` is the file's, to which the day is added.
 */
export function answerExport(
  exported: Export | ExportRefusal,
  { name, now }: { name: string; now: Date },
): Response {
  if (!exported.ok) {
    return new Response(`${words[exported.reason]}\n`, {
      status: exported.reason === 'gone' ? 404 : 429,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        ...(exported.reason === 'under_way' && { 'retry-after': '60' }),
      },
    });
  }
  return new Response(streamChunks(exported.chunks), {
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

function streamChunks(chunks: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      // The browser went away: the person's turn ends.
      cancel: async () => void (await chunks.return()),
    },
    { highWaterMark: 0 },
  );
}
