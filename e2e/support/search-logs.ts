import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Something in a log that must not be there: what it is, and the line. */
export type Leak = { what: string; line: string };

/** What no line may have, whoever it is about. */
const patterns: Record<string, RegExp> = {
  'a phone number':
    /\+\d{8,15}(?!\d)|(?<![\w.-]|(?:Ms|Micros)"?[=:])\d{10,15}(?![\w-])|\(\d{3}\) ?\d{3}-\d{4}/,
  'a code': /(?<![\w.-]|(?:[mM]s|Micros)"?[=:])\d{6}(?![\w-])/,
  'an email': /[\w.+-]+(?:@|%40)(?:[\w-]+\.)+[a-z]{2,}/i,
  'a token of a link': /\b(?:link|token)=(?!\[hidden\])/,
  'a cookie or key':
    /doorstep-(?:session|pending|recovery|trusted-device|known-browser)[\w.-]*=|Bearer |Basic /i,
  'a password': /violet[ +%20]*kettle|kestrel-7|certainly another one/i,
};

/** The console backend's own lines have numbers, codes, emails and links, since a developer reads them there. */
const printed = /^\[(?:sms|mail)\] /;

/**
 * Searches what an app has printed for what must never be in a log: by what such things look like, and for the numbers, codes,
 * emails and links of this very run, as the console backend's lines have them (`printedBySome`: of any of its apps).
 */
export function findLeaks(text: string, printedBySome = text): { lines: string[]; leaks: Leak[] } {
  const all = text.split('\n').filter((line) => line !== '');
  const known = new Set(
    printedBySome
      .split('\n')
      .filter((line) => printed.test(line))
      .flatMap(readSecrets),
  );
  const lines = all.filter((line) => !printed.test(line));
  const leaks = lines.flatMap((line) => [
    ...Object.entries(patterns).flatMap(([what, pattern]) => (pattern.test(line) ? [{ what, line }] : [])),
    ...[...known].flatMap((secret) => (holds(line, secret) ? [{ what: `“${secret}” of a text`, line }] : [])),
  ]);
  return { lines, leaks };
}

/** Whom a text or mail went to, in more than one spelling, its codes, and the tokens of its links. */
function readSecrets(line: string): string[] {
  const to = /^\[\w+\] to=(\S+)/.exec(line)?.[1] ?? '';
  const codes = /^\[sms\]/.test(line) ? (line.match(/(?<!\d)\d{6}(?!\d)/g) ?? []) : [];
  const tokens = [...line.matchAll(/[?&]link=([\w.~-]+)/g)].map(([, token]) => token!);
  return [to, to.replace(/^\+1?/, ''), ...codes, ...tokens].filter((secret) => secret !== '');
}

function holds(line: string, secret: string): boolean {
  const at = line.indexOf(secret);
  if (at < 0) return false;
  // Digits that are part of an id or of a time are none of ours.
  return !/^\d+$/.test(secret) || new RegExp(`(?<![\\w.:-])${secret}(?![\\w:-])`).test(line);
}

/** Removes what an earlier run has left, so that a search finds this one's. */
export function clearLogs(folder: string): void {
  for (const file of listLogs(folder)) rmSync(join(folder, file));
}

/** Throws with every leak in the logs of a run's apps, or where there is nothing that was searched. */
export function searchLogs(folder: string): void {
  const logs = listLogs(folder).map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
  const all = logs.map(({ text }) => text).join('\n');
  const searched = logs.map(({ file, text }) => ({ file, ...findLeaks(text, all) }));
  const leaks = searched.flatMap(({ file, leaks: found }) =>
    found.map(({ what, line }) => `${file} has ${what}: ${line}`),
  );
  if (leaks.length > 0)
    throw new Error(`The logs have what they must not:\n${leaks.slice(0, 20).join('\n')}`);
  if (!searched.some(({ lines }) => lines.some((line) => / request |"event":"request"/.test(line)))) {
    throw new Error('No log has a line about a request, so nothing was searched.');
  }
}

function listLogs(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((file) => file.endsWith('.log'));
}
