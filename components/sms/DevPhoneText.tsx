'use client';

import { useEffect, useState, type ReactNode } from 'react';
import { classNames } from '@/components/ui/class-names';
import styles from './DevPhoneText.module.css';

/** A text on the handset. */
export type DevText = {
  id: string;
  from: 'us' | 'person' | 'carrier';
  at: string;
  body: string;
  /** The code in it, while it can still be right. */
  code: string | null;
  status: 'sent' | 'delivered' | 'failed' | null;
  errorCode: number | null;
};

const failures = [
  { code: 30003, words: 'Handset switched off' },
  { code: 30005, words: 'Unknown number' },
  { code: 30006, words: 'Landline' },
  { code: 30007, words: 'Filtered by the carrier' },
  { code: 30008, words: 'Unknown error' },
  { code: 21610, words: 'Opted out' },
] as const;

/** The time of day, `8:05 PM EST`: in `zone`, undefined for where the browser is, once it has taken over. */
export function sayTime(at: string, zone: string | undefined): string {
  const words = new Date(at).toLocaleTimeString('en-US', {
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone: zone,
  });
  return words.replaceAll('\u202f', ' ');
}

/** One bubble with its time and state, and the ways to report what became of it. */
export function DevPhoneText({
  text,
  previousAt,
  isNew,
  phone,
  report,
  hydrated,
  zone,
}: {
  text: DevText;
  previousAt: string | null;
  isNew: boolean;
  phone: string;
  report: (formData: FormData) => Promise<void>;
  hydrated: boolean;
  zone: string | undefined;
}) {
  const { from, at, status, errorCode } = text;
  const pauseMs = previousAt === null ? Infinity : Date.parse(at) - Date.parse(previousAt);
  return (
    <div className={classNames(styles.text, styles[from], isNew && styles.new)}>
      {pauseMs > 15 * 60_000 ? (
        <p className={styles.day}>
          <time dateTime={at} suppressHydrationWarning>
            {sayDay(at, zone)}
          </time>
        </p>
      ) : null}
      {from === 'carrier' ? <p className={styles.who}>Answered by the carrier</p> : null}
      <div className={styles.bubble}>
        <Body text={text} hydrated={hydrated} />
      </div>
      <div className={styles.meta}>
        <time dateTime={at} suppressHydrationWarning>
          {sayTime(at, zone)}
        </time>
        {status === 'sent' ? <Report text={text} phone={phone} report={report} /> : null}
        {status === 'delivered' ? (
          <span className={styles.delivered}>
            <Tick twice /> Delivered
          </span>
        ) : null}
        {status === 'failed' ? (
          <span className={styles.failed}>
            <Cross /> Failed{errorCode === null ? '' : ` · ${errorCode}`}
          </span>
        ) : null}
      </div>
    </div>
  );
}

function Report({
  text,
  phone,
  report,
}: {
  text: DevText;
  phone: string;
  report: (formData: FormData) => Promise<void>;
}) {
  return (
    <details className={styles.report}>
      <summary className={styles.summary}>
        <Tick /> Sent
        <span className={styles.hint}>Report</span>
      </summary>
      <form className={styles.menu} action={report}>
        <input type="hidden" name="phone" value={phone} />
        <input type="hidden" name="message" value={text.id} />
        <button className={styles.choice} type="submit" name="outcome" value="delivered">
          <span>Delivered</span>
          <span className={styles.good}>
            <Tick twice />
          </span>
        </button>
        {failures.map(({ code, words }) => (
          <button key={code} className={styles.choice} type="submit" name="outcome" value={code}>
            <span>{words}</span>
            <span className={styles.bad}>{code}</span>
          </button>
        ))}
      </form>
    </details>
  );
}

/** The words of a text: its code to tap, its addresses to follow, its last line small where it is for machines. */
function Body({ text, hydrated }: { text: DevText; hydrated: boolean }) {
  const lines = text.body.split('\n');
  const origin = /^@\S+ #\S+$/.test(lines.at(-1) ?? '') ? lines.pop() : undefined;
  const words = lines.join('\n').trimEnd();
  const start = text.code === null ? -1 : words.indexOf(text.code);
  return (
    <>
      <p className={styles.words}>
        {text.code === null || start < 0 ? (
          linkAddresses(words)
        ) : (
          <>
            {linkAddresses(words.slice(0, start))}
            <Code code={text.code} hydrated={hydrated} />
            {linkAddresses(words.slice(start + text.code.length))}
          </>
        )}
      </p>
      {origin === undefined ? null : <p className={styles.origin}>{origin}</p>}
    </>
  );
}

function Code({ code, hydrated }: { code: string; hydrated: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!hydrated) return <strong className={styles.code}>{code}</strong>;
  return (
    <button
      type="button"
      className={classNames(styles.code, copied && styles.copied)}
      aria-label={`Copy the code ${code}`}
      onClick={() => {
        navigator.clipboard.writeText(code).then(
          () => setCopied(true),
          () => {},
        );
      }}
    >
      {code}
      <span className={styles.copy} role="status">
        {copied ? 'Copied' : ''}
      </span>
    </button>
  );
}

function linkAddresses(words: string): ReactNode[] {
  return words.split(/(https?:\/\/\S+)/).map((part, index) =>
    index % 2 === 1 ? (
      <a key={index} href={part}>
        {part.replace(/^https?:\/\//, '')}
      </a>
    ) : (
      part
    ),
  );
}

/** The time alone where it is today, else with its day: `Tue, Nov 24, 8:05 PM EST`. */
export function sayLately(at: string, zone: string | undefined, now = new Date()): string {
  const dayOf = (date: Date) => date.toLocaleDateString('en-US', { timeZone: zone });
  return dayOf(new Date(at)) === dayOf(now) ? sayTime(at, zone) : sayDay(at, zone);
}

function sayDay(at: string, zone: string | undefined): string {
  const date = new Date(at);
  const isToday = zone === undefined && date.toDateString() === new Date().toDateString();
  const day = date.toLocaleDateString('en-US', {
    weekday: 'short',
    month: 'short',
    day: 'numeric',
    timeZone: zone,
  });
  return `${isToday ? 'Today' : day}, ${sayTime(at, zone)}`;
}

function Tick({ twice = false }: { twice?: boolean }) {
  return (
    <svg className={styles.tick} viewBox="0 0 20 12" aria-hidden="true" focusable="false">
      <path d={twice ? 'm1.5 6.5 3.6 3.6L12.6 2M9 10l.6.6L17.8 2' : 'm3.5 6.5 3.6 3.6L14.6 2'} />
    </svg>
  );
}

function Cross() {
  return (
    <svg className={styles.tick} viewBox="0 0 20 12" aria-hidden="true" focusable="false">
      <path d="m6 2 8 8m0-8-8 8" />
    </svg>
  );
}
