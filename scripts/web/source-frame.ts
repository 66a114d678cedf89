import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, relative, resolve } from 'node:path';

/** There are only so many places at which a build can fail; a stranger makes no new ones. */
const mostKnown = 1_000;

const known = new Map<string, string>();

/**
 * Says where in our sources a frame of a stack is, `lib/sms/…/send.ts:12:3`, where it is in a file of the build that has a map beside
 * it; else it is given back as it is. The map is read when it is needed: kept in memory for every file of the build, maps take
 * 55 MB of each web server.
 */
export function toSourceFrame(frame: string): string {
  const place = /^(.*?)\(?(?:file:\/\/)?(\/[^()]+\.js):(\d+):(\d+)\)?$/.exec(frame);
  if (place === null) return frame;
  const mapped = known.get(frame) ?? map(frame, place);
  if (known.size < mostKnown) known.set(frame, mapped);
  return mapped;
}

function map(frame: string, [, name = '', file = '', line, column]: RegExpExecArray): string {
  try {
    const payload = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload;
    const entry = new SourceMap(payload).findEntry(Number(line) - 1, Number(column) - 1);
    if (!('originalSource' in entry)) return frame;
    const source = relative(process.cwd(), resolve(dirname(file), decodeURI(entry.originalSource)));
    const at = `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    return name === '' ? at : `${name}(${at})`;
  } catch {
    return frame;
  }
}
