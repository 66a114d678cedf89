import { createHmac } from 'node:crypto';
import type { AlarmFigures } from '@/db/schema/alarms';
import type { Env } from '@/lib/env';
import { explainAlarm } from './alarm-kinds';

/**
 * What ALERT_WEBHOOK_URL is sent, as JSON (docs/contract.md). It says nothing about a person. `id` is the same in every attempt, so
 * that whoever gets it twice knows it again.
 */
export function writeAlert(
  env: Pick<Env, 'appUrl' | 'siteName'>,
  {
    id,
    event,
    alarm,
    now,
  }: {
    id: string;
    event: 'opened' | 'ended';
    alarm: { id: string; kind: string; subject: string; since: Date; figures: AlarmFigures };
    now: Date;
  },
): string {
  const { kind, subject, since, figures } = alarm;
  const { name, said, whatToDo } = explainAlarm(kind, figures);
  return JSON.stringify({
    id,
    event,
    alarm: alarm.id,
    kind,
    subject: subject === '' ? null : subject,
    site: env.siteName,
    name,
    since: since.toISOString(),
    at: now.toISOString(),
    ...(event === 'opened' ? { said, whatToDo, figures } : {}),
    url: new URL('/admin', env.appUrl).href,
  });
}

/**
 * The header `Doorstep-Signature` of a body that is sent at a moment: `t=` in whole seconds since 1970, and `v1=` the HMAC-SHA256,
 * in hex, over `t`, a dot and the body, keyed with ALERT_WEBHOOK_SECRET.
 */
export function signAlert(body: string, at: Date, secret: string): string {
  const t = Math.floor(at.getTime() / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
