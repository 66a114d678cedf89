'use client';

import { useEffect, useState } from 'react';
import { classNames } from '@/components/ui/class-names';
import styles from './DevPhone.module.css';
import { DevPhoneText, sayLately, sayTime, type DevText } from './DevPhoneText';
import { SiteName } from '@/components/ui/SiteName';
import { useHydrated } from '@/components/ui/use-hydrated';

/** A number texted lately. */
export type DevHandset = { phone: string; label: string; href: string; lastAt: string };

export type DevThread = { phone: string; label: string; stopped: boolean; texts: DevText[] };

/** What `textsUrl` answers. */
export type DevPhoneState = { handsets: DevHandset[]; thread: DevThread | null };

const pollMs = 1_000;
const quickWords = ['STOP', 'START', 'HELP'] as const;

/**
 * A handset in the browser: the texts of one number as they arrive, and what its owner and their carrier can do about
 * them. It asks `textsUrl` every second while it is seen; without JavaScript it shows what was there when it was loaded.
 */
export function DevPhone({
  initial,
  textsUrl,
  timeZone,
  answer,
  report,
}: {
  initial: DevPhoneState;
  textsUrl: string;
  /** In which times are said where no script runs. */
  timeZone: string;
  answer: (formData: FormData) => Promise<void>;
  report: (formData: FormData) => Promise<void>;
}) {
  const hydrated = useHydrated();
  const zone = hydrated ? undefined : timeZone;
  const { state, hasService } = usePolledState(initial, textsUrl);
  const [seenAtFirst] = useState(() => new Set(initial.thread?.texts.map((text) => text.id)));
  const { handsets, thread } = state;
  return (
    <div className={styles.desk}>
      <aside className={styles.side}>
        <header className={styles.intro}>
          <h1 className={styles.title}>Development phone</h1>
          <p className={styles.lead}>
            Texts do not leave this machine. They arrive here, and here you are both the person and the
            carrier.
          </p>
        </header>
        {handsets.length > 0 ? (
          <nav className={styles.handsets} aria-label="Numbers texted lately">
            {handsets.map((handset) => (
              <a
                key={handset.phone}
                className={styles.handset}
                href={handset.href}
                aria-current={handset.phone === thread?.phone ? 'page' : undefined}
              >
                <span className={styles.handsetNumber}>{handset.label}</span>
                <time className={styles.handsetTime} dateTime={handset.lastAt} suppressHydrationWarning>
                  {sayLately(handset.lastAt, zone)}
                </time>
              </a>
            ))}
          </nav>
        ) : null}
        <p className={styles.elsewhere}>
          <a href="/users/register/applicant">Register someone</a>
        </p>
      </aside>
      <main className={styles.phone}>
        <div className={styles.screen}>
          <StatusBar hasService={hasService} />
          <header className={styles.contact}>
            <span className={styles.avatar}>
              <Mark />
            </span>
            <h2 className={styles.name}>
              <SiteName />
            </h2>
            {thread ? <p className={styles.number}>on {thread.label}</p> : null}
          </header>
          <div className={styles.scroller}>
            <div className={styles.thread} role="log" aria-label="Texts">
              {thread && thread.texts.length > 0 ? (
                thread.texts.map((text, index) => (
                  <DevPhoneText
                    key={text.id}
                    text={text}
                    previousAt={thread.texts[index - 1]?.at ?? null}
                    isNew={!seenAtFirst.has(text.id)}
                    phone={thread.phone}
                    report={report}
                    hydrated={hydrated}
                    zone={zone}
                  />
                ))
              ) : (
                <Empty />
              )}
            </div>
          </div>
          {thread?.stopped ? (
            <p className={styles.stopped} role="status">
              Opted out: texts are kept from this number until it sends START.
            </p>
          ) : null}
          {thread ? <Composer key={thread.phone} phone={thread.phone} answer={answer} /> : null}
          <span className={styles.home} aria-hidden="true" />
        </div>
      </main>
    </div>
  );
}

function usePolledState(initial: DevPhoneState, textsUrl: string) {
  const [rendered, setRendered] = useState(initial);
  const [state, setState] = useState(initial);
  const [hasService, setHasService] = useState(true);
  if (rendered !== initial) {
    setRendered(initial);
    setState(initial);
  }
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const plan = (ms: number) => {
      clearTimeout(timer);
      if (!abort.signal.aborted && !document.hidden) timer = setTimeout(poll, ms);
    };
    async function poll() {
      try {
        const response = await fetch(textsUrl, { cache: 'no-store', signal: abort.signal });
        if (response.ok) setState((await response.json()) as DevPhoneState);
        setHasService(response.ok);
      } catch {
        if (!abort.signal.aborted) setHasService(false);
      }
      plan(pollMs);
    }
    const onVisible = () => plan(0);
    plan(pollMs);
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
    // A page rendered again is the freshest answer: the next question waits its turn.
  }, [textsUrl, initial]);
  return { state, hasService };
}

function Composer({ phone, answer }: { phone: string; answer: (formData: FormData) => Promise<void> }) {
  return (
    <div className={styles.composer}>
      {/* A form of its own: Enter in the field below would press the first button of its form. */}
      <form className={styles.words} action={answer}>
        <input type="hidden" name="phone" value={phone} />
        {quickWords.map((word) => (
          <button key={word} className={styles.word} type="submit" name="body" value={word}>
            {word}
          </button>
        ))}
      </form>
      <form className={styles.line} action={answer}>
        <input type="hidden" name="phone" value={phone} />
        <input
          className={styles.input}
          name="body"
          type="text"
          maxLength={1600}
          autoComplete="off"
          placeholder="Text message"
          aria-label="Text message"
        />
        <button className={styles.send} type="submit" aria-label="Send">
          <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d="M12 19V5.5m-6 6 6-6 6 6" />
          </svg>
        </button>
      </form>
    </div>
  );
}

function Empty() {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>No texts yet</p>
      <p>
        <a href="/users/register/applicant">Register</a> with any number, such as (555) 123-4567, and ask to
        verify it: the code arrives here.
      </p>
    </div>
  );
}

function StatusBar({ hasService }: { hasService: boolean }) {
  const clock = useClock();
  return (
    <div className={styles.bar}>
      <span className={styles.clock}>{clock}</span>
      <span className={styles.island} aria-hidden="true" />
      <span className={classNames(styles.signal, !hasService && styles.noSignal)}>
        {hasService ? (
          <svg viewBox="0 0 44 12" aria-hidden="true" focusable="false">
            <path d="M1 9.5v1.5M5 7.5V11M9 4.8V11M13 2v9" />
            <rect x="21" y="1.5" width="19" height="9.5" rx="3" />
            <rect className={styles.charge} x="22.8" y="3.3" width="13" height="5.9" rx="1.4" />
            <path d="M42.4 5v2.6" />
          </svg>
        ) : (
          <span role="status">No service</span>
        )}
      </span>
    </div>
  );
}

function useClock(): string {
  const [now, setNow] = useState<string | null>(null);
  useEffect(() => {
    const tick = () => setNow(new Date().toISOString());
    const first = setTimeout(tick, 0);
    const timer = setInterval(tick, 10_000);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, []);
  return now === null ? '' : sayTime(now, undefined);
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M10.5 22V11.5a5.5 5.5 0 0 1 11 0V22M7.5 25h17" />
      <circle cx="18" cy="17" r="1.3" />
    </svg>
  );
}
