import { lookup } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isPublicAddress } from '@/lib/client-address';

/** So many numbers are handed on at a time: few enough that the database finds each by its key, and does not go through all it has. */
const batchNumbers = 1_000;

/** Longer than any line with a number; what is longer is none, and is not kept until its end. */
const longestLine = 40;

/** The file may have millions of lines, of 12 bytes each. */
const readWithinMs = 10 * 60_000;

/** A number of the North American plan as such files have it, with or without the country code, a plus or quotation marks. */
const numberLine = /^"?\+?1?([2-9]\d{9})"?$/;

/** One redirect, for another region or a mirror, is usual. */
const mostRedirects = 3;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Reads a file of phone numbers, one a line, as a stream: in E.164, a thousand at a time, without lines that are no number. No
 * more is read before those are taken. It is asked for without credentials, at public addresses by `https` alone, by way of three
 * redirects at most. `apiBaseUrl` is an address that the operator chose: its own origin may be anywhere.
 *
 * @throws when the file cannot be read to its end within ten minutes, or has lines and no number, as a page that says no
 */
export async function* readDeactivationsFile(
  url: URL,
  { apiBaseUrl = null, signal }: { apiBaseUrl?: string | null; signal?: AbortSignal } = {},
): AsyncGenerator<string[]> {
  const patience = AbortSignal.timeout(readWithinMs);
  const until = signal ? AbortSignal.any([signal, patience]) : patience;
  const body = await openFile(url, apiBaseUrl === null ? null : new URL(apiBaseUrl).origin, until);
  let lines = 0;
  let found = 0;
  let batch: string[] = [];
  for await (const line of splitLines(body)) {
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

/** The file, where it is in the end. */
async function openFile(url: URL, apiOrigin: string | null, signal: AbortSignal): Promise<Readable> {
  let at = url;
  for (let redirected = 0; redirected <= mostRedirects; redirected += 1) {
    const answer = await get(at, { isApi: at.origin === apiOrigin, signal });
    const { statusCode: status = 0, headers } = answer;
    if (status >= 200 && status < 300) {
      if (headers['content-encoding'] !== 'gzip') return answer;
      return pipeline(answer, createGunzip(), () => undefined);
    }
    answer.destroy();
    if (!redirects.has(status)) throw fault(`HTTP_${status}`);
    if (!headers.location || !URL.canParse(headers.location, at)) throw fault('BAD_REDIRECT');
    at = new URL(headers.location, at);
  }
  throw fault('TOO_MANY_REDIRECTS');
}

/** An answer's beginning. Nothing but the API itself may be on this machine or in its private network, or without TLS. */
async function get(
  url: URL,
  { isApi, signal }: { isApi: boolean; signal: AbortSignal },
): Promise<IncomingMessage> {
  const isPlain = url.protocol === 'http:';
  if (url.protocol !== 'https:' && !(isApi && isPlain)) throw fault('NO_HTTPS');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isApi && isIP(host) !== 0 && !isPublicAddress(host)) throw fault('PRIVATE_ADDRESS');
  const options = { signal, agent: false, ...(isApi ? {} : { lookup: lookUpPublic }) };
  return new Promise((resolve, reject) => {
    (isPlain ? http : https).get(url, options, resolve).on('error', reject);
  });
}

/** Finds the public addresses of a name: at the moment of connecting, so that no other answer can follow. */
const lookUpPublic: LookupFunction = (name, options, done) => {
  lookup(name, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, []);
    const [first, ...others] = found.filter(({ address }) => isPublicAddress(address));
    if (first === undefined) return done(fault('PRIVATE_ADDRESS'), []);
    if (options.all) done(null, [first, ...others]);
    else done(null, first.address, first.family);
  });
};

/** Without the spaces around them, and cut off where they are too long to matter. */
async function* splitLines(body: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!.slice(0, longestLine);
    for (const line of lines) yield line.slice(0, longestLine).trim();
  }
  yield rest.trim();
}

function fault(code: string): Error {
  return Object.assign(new Error('The file of numbers cannot be read'), { code });
}
