'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useEffectEvent, useState, type ReactNode } from 'react';
import { Icon, type IconName } from '@/components/ui/Icon';
import styles from './SmsStatus.module.css';
import { useHydrated } from '@/components/ui/use-hydrated';

export type SmsStatusValue = 'queued' | 'sent' | 'delivered' | 'failed' | 'stopped';

/** What `statusUrl` answers; anything else is ignored. */
export type SmsStatusAnswer = {
  status: SmsStatusValue;
  detail: string | null;
  offerSkip: boolean;
  hearsCodes: boolean;
};

const words: Record<SmsStatusValue, { icon: IconName; words: string }> = {
  queued: { icon: 'clock', words: 'The text is on its way' },
  sent: { icon: 'sent', words: 'The text has been sent' },
  delivered: { icon: 'check', words: 'The text has been delivered' },
  failed: { icon: 'alert', words: 'The text could not be delivered' },
  stopped: { icon: 'stop', words: 'Codes to this number are stopped' },
};

const unsent = { icon: 'alert', words: 'No text was sent' } as const;

const final: readonly SmsStatusValue[] = ['delivered', 'failed'];
const pollMs = 2_000;
const settledPollMs = 5_000;
const slowPollMs = 10_000;
const slowAfterMs = 120_000;
/** How long a screen reader takes to learn of a status that came to a page, before whose words it says nothing. */
const arrivalMs = 150;

function isSame(one: SmsStatusAnswer, other: SmsStatusAnswer): boolean {
  return (
    one.status === other.status &&
    one.detail === other.detail &&
    one.offerSkip === other.offerSkip &&
    one.hearsCodes === other.hearsCodes
  );
}

/**
 * What has become of the text. With JavaScript it asks `statusUrl` every 2 seconds (10 after two minutes) while the page
 * is seen, and renders it again when something changed; without, a link does that. In a final state it asks more seldom, for
 * the number may still text STOP, and the verification may be finished elsewhere.
 * `children` is the next step for this state. `isUnsent`: no code was ever sent to this number. `hidden` where a text that arrived
 * is of no use any more: it still asks.
 */
export function SmsStatus({
  status,
  detail = null,
  offerSkip,
  hearsCodes,
  hidden = false,
  isUnsent = false,
  statusUrl,
  latestHref,
  children,
}: {
  status: SmsStatusValue;
  detail?: string | null;
  offerSkip: boolean;
  hearsCodes: boolean;
  hidden?: boolean;
  isUnsent?: boolean;
  statusUrl: string;
  latestHref: string;
  children?: ReactNode;
}) {
  const hydrated = useHydrated();
  const router = useRouter();
  // On a page that an action leads to, the status is new, and what stands in it from the start would be said to nobody.
  const [isSaid, setSaid] = useState(!hydrated);
  useEffect(() => {
    if (isSaid) return;
    const timer = setTimeout(() => setSaid(true), arrivalMs);
    return () => clearTimeout(timer);
  }, [isSaid]);
  const onPage: SmsStatusAnswer = { status, detail, offerSkip, hearsCodes };
  const [latest, setLatest] = useState(onPage);
  const [rendered, setRendered] = useState(onPage);
  if (!isSame(rendered, onPage)) {
    setRendered(onPage);
    setLatest(onPage);
  }

  const take = useEffectEvent((answer: SmsStatusAnswer) => {
    if (!Object.hasOwn(words, answer.status)) return;
    if (isSame(answer, onPage)) return;
    setLatest(answer);
    router.refresh();
  });
  const leave = useEffectEvent(() => router.refresh());

  const settled = final.includes(status);
  useEffect(() => {
    const abort = new AbortController();
    const startedAt = Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isBusy = false;
    const plan = () => {
      clearTimeout(timer);
      if (abort.signal.aborted || document.hidden) return;
      const isSlow = isBusy || Date.now() - startedAt > slowAfterMs;
      timer = setTimeout(poll, isSlow ? slowPollMs : settled ? settledPollMs : pollMs);
    };
    async function poll() {
      try {
        const response = await fetch(statusUrl, { cache: 'no-store', signal: abort.signal });
        // The verification ended elsewhere: the page, rendered again, leads on.
        if (response.status === 204) return leave();
        // A server that many ask at once says when to ask again: in ten seconds.
        isBusy = !response.ok;
        if (response.ok) take((await response.json()) as SmsStatusAnswer);
      } catch {
        // A lost connection is asked again at the next turn.
      }
      plan();
    }
    plan();
    document.addEventListener('visibilitychange', plan);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', plan);
    };
  }, [settled, statusUrl]);

  const shown = isUnsent && latest.status === 'failed' ? unsent : words[latest.status];
  return (
    <div className={styles.status} data-sms-status={latest.status} hidden={hidden}>
      <Icon name={shown.icon} />
      <div className={styles.body}>
        <p className={styles.words} role="status">
          {isSaid ? (
            <>
              {shown.words}
              {latest.detail ? '. ' : null}
              {latest.detail ? <span className={styles.detail}>{latest.detail}</span> : null}
            </>
          ) : null}
        </p>
        {children}
        {hydrated ? null : (
          <a className={styles.latest} href={latestHref}>
            Check again
          </a>
        )}
      </div>
    </div>
  );
}
