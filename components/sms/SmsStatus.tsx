'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useEffectEvent, useState, type ReactNode } from 'react';
import { Icon, type IconName } from '@/components/ui/Icon';
import styles from './SmsStatus.module.css';
import { useHydrated } from '@/components/ui/use-hydrated';

export type SmsStatusValue = 'queued' | 'sent' | 'delivered' | 'failed' | 'stopped';

/** What `statusUrl` answers; anything else is ignored. */
export type SmsStatusAnswer = { status: SmsStatusValue; detail: string | null; offerSkip: boolean };

const words: Record<SmsStatusValue, { icon: IconName; words: string }> = {
  queued: { icon: 'clock', words: 'The text is on its way' },
  sent: { icon: 'sent', words: 'The text has been sent' },
  delivered: { icon: 'check', words: 'The text has been delivered' },
  failed: { icon: 'alert', words: 'The text could not be delivered' },
  stopped: { icon: 'stop', words: 'Texts to this number are stopped' },
};

const final: readonly SmsStatusValue[] = ['delivered', 'failed'];
const pollMs = 2_000;
const settledPollMs = 5_000;
const slowPollMs = 10_000;
const slowAfterMs = 120_000;

/**
 * What has become of the text. With JavaScript it asks `statusUrl` every 2 seconds (10 after two minutes) while the page
 * is seen, and renders it again when something changed; without, a link does that. In a final state it asks more seldom, for
 * the number may still text STOP, and the verification may be finished elsewhere.
 * `children` is the next step for this state. `hidden` where a text that arrived is of no use any more: it still asks.
 */
export function SmsStatus({
  status,
  detail = null,
  offerSkip,
  hidden = false,
  statusUrl,
  latestHref,
  children,
}: {
  status: SmsStatusValue;
  detail?: string | null;
  offerSkip: boolean;
  hidden?: boolean;
  statusUrl: string;
  latestHref: string;
  children?: ReactNode;
}) {
  const hydrated = useHydrated();
  const router = useRouter();
  const [latest, setLatest] = useState<SmsStatusAnswer>({ status, detail, offerSkip });
  const [rendered, setRendered] = useState(latest);
  if (rendered.status !== status || rendered.detail !== detail || rendered.offerSkip !== offerSkip) {
    setRendered({ status, detail, offerSkip });
    setLatest({ status, detail, offerSkip });
  }

  const take = useEffectEvent((answer: SmsStatusAnswer) => {
    if (!Object.hasOwn(words, answer.status)) return;
    if (answer.status === status && answer.detail === detail && answer.offerSkip === offerSkip) return;
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
        if (response.status === 404) return leave();
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

  const shown = words[latest.status];
  return (
    <div className={styles.status} data-sms-status={latest.status} hidden={hidden}>
      <Icon name={shown.icon} />
      <div className={styles.body}>
        <p className={styles.words} role="status">
          {shown.words}
          {latest.detail ? <span className={styles.detail}>{latest.detail}</span> : null}
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
