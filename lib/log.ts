import { env, type LogLevel } from '@/lib/env';

export type Log = Record<LogLevel, (event: string, fields?: LogFields) => void>;

export type LogFields = Record<string, unknown>;

const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Fields whose value is never shown, whatever it is. */
const secretNames =
  /^(?:phone|number|to|from|code|otp|body|text|password|secret|token|authorization|cookie|params)$|(?:Phone|Password|Secret|Token)s?$/;

/**
 * Writes one line per event: time, level, event, then `name=value` pairs; to standard error unless `write` says
 * otherwise. Lines below LOG_LEVEL are dropped.
 *
 * Whole phone numbers and runs of exactly six digits are hidden wherever they are in text, and an error shows its
 * name, message and code only: an HTTP client's error also carries the request, with the credentials and the text.
 */
export function openLog({
  level = env().logLevel,
  write = (line: string) => void process.stderr.write(`${line}\n`),
}: { level?: LogLevel; write?: (line: string) => void } = {}): Log {
  const at = (lineLevel: LogLevel) => {
    if (order.indexOf(lineLevel) < order.indexOf(level)) return () => undefined;
    return (event: string, fields: LogFields = {}) => {
      const pairs = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => ` ${name}=${showValue(name, value)}`);
      write(`${new Date().toISOString()} ${lineLevel} ${hideDigits(event)}${pairs.join('')}`);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Hides what could be a phone number or a code in a piece of text. */
export function hideDigits(text: string): string {
  return text
    .replace(/\+\d[\d().\s-]{5,18}\d/g, '[number]')
    .replace(/(?<![\w-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)/g, '[number]')
    .replace(/(?<![\w.-])\d{10,15}(?![\w-])/g, '[number]')
    .replace(/(?<![\w.-])\d{6}(?![\w-])/g, '[digits]');
}

function showValue(name: string, value: unknown): string {
  if (value !== null && secretNames.test(name)) return '[hidden]';
  if (
    value === null ||
    typeof value === 'boolean' ||
    typeof value === 'number' ||
    typeof value === 'bigint'
  ) {
    return String(value);
  }
  if (value instanceof Date) return value.toISOString();
  const text =
    value instanceof Error
      ? showError(value)
      : typeof value === 'string'
        ? value
        : (JSON.stringify(value) ?? '');
  const hidden = hideDigits(text);
  return /^[\w.:/[\]-]+$/.test(hidden) ? hidden : JSON.stringify(hidden);
}

function showError(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  // A database error's own message repeats the statement's values; what lies beneath it does not.
  const said = error.cause instanceof Error ? `${error.cause.message}` : error.message;
  return `${error.name}: ${said.split('\n')[0]}${code}`;
}
