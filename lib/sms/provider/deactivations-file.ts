/** So many numbers are handed on at a time: few enough that the database finds each by its key, and does not go through all it has. */
const batchNumbers = 1_000;

/** Longer than any line with a number; what is longer is none, and is not kept until its end. */
const longestLine = 40;

/** The file may have millions of lines, of 12 bytes each. */
const readWithinMs = 10 * 60_000;

/** A number of the North American plan as such files have it, with or without the country code, a plus or quotation marks. */
const numberLine = /^"?\+?1?([2-9]\d{9})"?$/;

/**
 * Reads a file of phone numbers, one a line, as a stream: in E.164, a thousand at a time, without lines that are no number. No
 * more is read before those are taken.
 *
 * @throws when the file cannot be read to its end within ten minutes, or has lines and no number, as a page that says no
 */
export async function* readDeactivationsFile(url: URL, signal?: AbortSignal): AsyncGenerator<string[]> {
  const patience = AbortSignal.timeout(readWithinMs);
  const answer = await fetch(url, { signal: signal ? AbortSignal.any([signal, patience]) : patience });
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    throw fault(`HTTP_${answer.status}`);
  }
  let lines = 0;
  let found = 0;
  let batch: string[] = [];
  for await (const line of splitLines(answer.body)) {
    if (line === '') continue;
    lines += 1;
    const digits = numberLine.exec(line)?.[1];
    if (digits === undefined) continue;
    found += 1;
    batch.push(`+1${digits}`);
    if (batch.length < batchNumbers) continue;
    yield batch;
    batch = [];
  }
  if (lines > 0 && found === 0) throw fault('NO_NUMBERS');
  if (batch.length > 0) yield batch;
}

/** Without the spaces around them, and cut off where they are too long to matter. */
async function* splitLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!.slice(0, longestLine);
    for (const line of lines) yield line.slice(0, longestLine).trim();
  }
  yield rest.trim();
}

function fault(code: string): Error {
  return Object.assign(new Error('The file of numbers cannot be read'), { code });
}
