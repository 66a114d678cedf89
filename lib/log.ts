import { pino } from 'pino';
import { env, type LogLevel } from '@/lib/env';
import { currentRequestId } from '@/lib/request-scope';

export type Log = Record<LogLevel, (event: string, fields?: LogFields) => void>;

/** What a line has of its own; no field may have these names. */
const ownNames = ['time', 'level', 'event', 'request'] as const;

export type LogFields = Record<string, unknown> & { [Name in (typeof ownNames)[number]]?: never };

/** `json`: an object a line, for programs. `lines`: the same in words that a person reads. */
export type LogFormat = 'json' | 'lines';

/** Fields whose value is never shown, whatever it is, however deep they are. */
const secretNames =
  /^(?:phone|number|to|from|code|otp|body|text|email|address|password|secret|token|authorization|cookie|params)$|(?:Phone|Email|Password|Secret|Token)s?$/;

/** What is deeper than this is not looked at, and not shown. */
const mostDeep = 4;

/**
 * Writes one line per event, by pino: time, level, event, then the fields; to standard error unless `write` says otherwise.
 * Lines below LOG_LEVEL are dropped. What is written while a request is answered has the request's id as `request`.
 *
 * Whole phone numbers, runs of exactly six digits (a space between the threes or none), emails and the tokens of links are hidden wherever they are in text, fields of
 * secret names at any depth. A field that is named as one of the line's own, where the compiler could not see it, is written as
 * `own_event` and so on: nothing overwrites what a line is about. An error shows its name, message and code only: an HTTP client's error also carries the
 * request, with the credentials and the text.
 */
export function openLog({
  level = env().logLevel,
  write = toStandardError,
  format = usualFormat(),
}: { level?: LogLevel; write?: (line: string) => void; format?: LogFormat } = {}): Log {
  if (write !== toStandardError) return makeLog(level, write, format);
  const key = `${level} ${format}`;
  const log = usual.get(key) ?? makeLog(level, write, format);
  usual.set(key, log);
  return log;
}

const usual = new Map<string, Log>();

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** On localhost a person reads, and wherever the output is a terminal; in public a program. */
function usualFormat(): LogFormat {
  return env().isPublic && !process.stdout.isTTY && !process.stderr.isTTY ? 'json' : 'lines';
}

function makeLog(level: LogLevel, write: (line: string) => void, format: LogFormat): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: (fields) => hideFields(fields, 0) },
    },
    { write: (json: string) => write(format === 'json' ? json.trimEnd() : readably(json)) },
  );
  const at =
    (lineLevel: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      const request = currentRequestId();
      const own = renameOwn(fields);
      logger[lineLevel](request === null ? own : { request, ...own }, hideTelling(event));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function renameOwn(fields: LogFields): LogFields {
  if (!ownNames.some((name) => Object.hasOwn(fields, name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      ownNames.some((own) => own === name) ? `own_${name}` : name,
      value,
    ]),
  );
}

/** `time level event name=value …` of a line of JSON. */
function readably(json: string): string {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const isPlain = typeof value !== 'object' || value === null;
    return ` ${name}=${isPlain && /^[\w.:/[\]-]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  return `${String(time)} ${String(level)} ${String(event)}${pairs.join('')}`;
}

/** Hides what could be a phone number or a code in a piece of text, in the digits of any script. */
export function hideDigits(text: string): string {
  return text
    .replace(/[+\uFF0B]\p{Nd}[\p{Nd}().\s/-]{5,18}\p{Nd}/gu, '[number]')
    .replace(/(?<![\w\p{Nd}-])\(?\p{Nd}{3}\)?[\s./-]\p{Nd}{3}[\s./-]\p{Nd}{4}(?![\w\p{Nd}])/gu, '[number]')
    .replace(/(?<![\w\p{Nd}.-])\p{Nd}{10,15}(?![\w\p{Nd}-])/gu, '[number]')
    .replace(/(?<![\w\p{Nd}.-])\p{Nd}{6}(?![\w\p{Nd}-])/gu, '[digits]')
    .replace(/(?<![\w\p{Nd}.-]|\p{Nd}\s)\p{Nd}{3}\s\p{Nd}{3}(?![\w\p{Nd}-]|\s\p{Nd})/gu, '[digits]');
}

/** Hides emails and the tokens of links besides. */
function hideTelling(text: string): string {
  const quiet = text
    .replace(/\b(link|token|code|password)=[^\s&"'<>]+/gi, '$1=[hidden]')
    .replace(/[\w.+%-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}\b/gi, '[email]');
  return hideDigits(quiet);
}

function hideFields(fields: object, depth: number): Record<string, unknown> {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(shown.map(([name, value]) => [name, hideField(name, value, depth)]));
}

function hideField(name: string, value: unknown, depth: number): unknown {
  if (value !== null && secretNames.test(name)) return '[hidden]';
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return hideTelling(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (value instanceof Error) return hideTelling(showError(value));
  if (typeof value !== 'object' || depth >= mostDeep) return `[${typeof value}]`;
  if (Array.isArray(value)) return value.map((each: unknown) => hideField('', each, depth + 1));
  return hideFields(value, depth + 1);
}

function showError(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  // A database error's own message repeats the statement's values; what lies beneath it does not.
  const said = error.cause instanceof Error ? `${error.cause.message}` : error.message;
  return `${error.name}: ${said.split('\n')[0]}${code}`;
}
