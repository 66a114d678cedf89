import { desc, eq, sql } from 'drizzle-orm';
import { smsMessages, type MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { isStandardKeyword, readInbound, type InboundMeaning } from '@/lib/consent/keywords';
import type { Env } from '@/lib/env';
import { newId } from '@/lib/random';
import { readOpenCode } from '@/lib/sms/verification/challenge';
import { readNumber } from '@/lib/sms/numbers/number';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import { developmentSender } from '@/lib/sms/senders/sender';
import {
  readCodeUse,
  readSiteName,
  readStoredParam,
  renderStoredText,
  renderText,
} from '@/lib/sms/outbox/text-templates';
import { signCall } from '@/lib/sms/webhooks/signature';
import { webhookAccountSid, webhookTokens } from '@/lib/sms/webhooks/call';

/**
 * Whether the development phone exists for a request: only with the console backend, APP_URL on localhost, and no
 * Forwarded or X-Forwarded header on its way in, which our listener marks (scripts/web/examine-request.ts).
 */
export function isDevPhoneOpen(env: Pick<Env, 'smsBackend' | 'isPublic'>, headers: Headers): boolean {
  return env.smsBackend === 'console' && !env.isPublic && !headers.has('x-doorstep-forwarded');
}

/** A number that texts went to or came from, and when the last did. */
export type Handset = { phone: string; lastAt: Date };

/** The numbers that texts have reached lately, the latest first. */
export async function readHandsets(db: Db): Promise<Handset[]> {
  const { rows } = await db.execute<{ phone: string; last_ms: number }>(sql`
    select phone, max(extract(epoch from coalesce(sent_at, created_at)) * 1000)::float8 as last_ms
    from (select * from sms_messages order by created_at desc limit 2000) latest
    where sent_at is not null or direction = 'in'
    group by phone order by 2 desc limit 24`);
  return rows.map((row) => ({ phone: row.phone, lastAt: new Date(row.last_ms) }));
}

/** A text as the handset shows it. */
export type HandsetText = {
  id: string;
  /** `carrier`: what Twilio itself answers to its keywords, played here. */
  from: 'us' | 'person' | 'carrier';
  at: Date;
  body: string;
  /** The code in it, while it can still be right. */
  code: string | null;
  /** What is known of its way here; null: nothing is to be reported about it. */
  status: 'sent' | 'delivered' | 'failed' | null;
  errorCode: number | null;
};

export type HandsetThread = {
  phone: string;
  /** The number has opted out: texts are kept from it. */
  stopped: boolean;
  texts: HandsetText[];
};

const longestThread = 60;

/**
 * What a number's handset shows, oldest first: the texts that have reached it, rendered again from their rows, and those
 * sent from it. A code is derived as long as its challenge is open; afterwards nobody knows it any more.
 */
export async function readThread(db: Db, phone: string, now: Date): Promise<HandsetThread> {
  const rows = await db
    .select()
    .from(smsMessages)
    .where(eq(smsMessages.phone, phone))
    .orderBy(
      desc(sql`coalesce(${smsMessages.sentAt}, ${smsMessages.createdAt})`),
      desc(smsMessages.direction),
    )
    .limit(longestThread);
  const number = await readNumber(db, phone);
  const texts: HandsetText[] = [];
  for (const row of rows.reverse()) {
    if (row.direction === 'in') texts.push(...showSent(row));
    else if (row.sentAt !== null) texts.push(await showReceived(db, row, row.sentAt, now));
  }
  return { phone, stopped: number?.suppressedAt != null, texts };
}

const handsetStatus: Partial<Record<MessageStatus, HandsetText['status']>> = {
  sent: 'sent',
  delivered: 'delivered',
  failed: 'failed',
};

async function showReceived(db: Db, row: Message, sentAt: Date, now: Date): Promise<HandsetText> {
  const open =
    row.purpose === 'verification' && row.challengeId !== null
      ? await readOpenCode(db, row.challengeId, now)
      : null;
  return {
    id: row.id,
    from: 'us',
    at: sentAt,
    body: row.purpose === 'verification' ? renderCode(row, open?.code ?? null, sentAt) : render(row),
    code: open?.code ?? null,
    status: handsetStatus[row.status] ?? null,
    errorCode: row.errorCode,
  };
}

function renderCode(row: Message, code: string | null, sentAt: Date): string {
  const lifeMs = (row.expiresAt ?? sentAt).getTime() - sentAt.getTime();
  const { body } = renderText('verification', {
    code: code ?? '000000',
    ttlMinutes: Math.max(1, Math.round(lifeMs / 60_000)),
    host: readStoredParam(row.params, 'host') ?? '',
    site: readSiteName(row.params),
    use: readCodeUse(row.params),
  });
  return code === null ? body.replaceAll('000000', '••••••') : body;
}

function render(row: Message): string {
  return renderStoredText(row.template, row.params)?.body ?? `(${row.template})`;
}

/** What Twilio answers by itself (help.twilio.com/articles/223134027); to us it only hands the keyword on. */
const carrierAnswers: Record<Exclude<InboundMeaning, 'other'>, string> = {
  stop: 'You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.',
  start:
    'You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.',
  help: 'Reply STOP to unsubscribe. Msg&Data Rates May Apply.',
};

function showSent(row: Message): HandsetText[] {
  const body = row.body ?? '';
  const fixed = { at: row.createdAt, code: null, status: null, errorCode: null };
  const meaning = isStandardKeyword(body) ? readInbound(body) : 'other';
  return [
    { ...fixed, id: row.id, from: 'person', body },
    ...(meaning === 'other'
      ? []
      : [{ ...fixed, id: `${row.id}-carrier`, from: 'carrier' as const, body: carrierAnswers[meaning] }]),
  ];
}

type CallSettings = Pick<Env, 'appUrl' | 'twilio' | 'authSecrets'>;

/** The webhook call by which Twilio would hand over a text written on a handset. */
export function callWithText(env: CallSettings, text: { phone: string; body: string }): Request {
  const sid = newSid();
  return signedCall(env, '/users/webhook/twilio/inbound', {
    MessageSid: sid,
    SmsSid: sid,
    AccountSid: webhookAccountSid(env),
    From: text.phone,
    To: developmentSender,
    Body: text.body,
    NumMedia: '0',
    NumSegments: '1',
    ApiVersion: '2010-04-01',
  });
}

/** The webhook call by which Twilio would report what became of a text; `errorCode` null: it was delivered. */
export function callWithReport(
  env: CallSettings,
  report: { messageId: string; phone: string; errorCode: number | null },
): Request {
  const { messageId, phone, errorCode } = report;
  const sid = `SM${messageId.replaceAll('-', '')}`;
  // Codes of the 30,000s come from the carrier, after Twilio had sent it.
  const failure = errorCode !== null && errorCode >= 30_000 ? 'undelivered' : 'failed';
  return signedCall(env, `/users/webhook/twilio?message=${encodeURIComponent(messageId)}`, {
    MessageSid: sid,
    SmsSid: sid,
    AccountSid: webhookAccountSid(env),
    From: developmentSender,
    To: phone,
    MessageStatus: errorCode === null ? 'delivered' : failure,
    ...(errorCode === null ? {} : { ErrorCode: String(errorCode) }),
    ApiVersion: '2010-04-01',
  });
}

function signedCall(env: CallSettings, path: string, params: Record<string, string>): Request {
  const url = `${env.appUrl.origin}${path}`;
  return new Request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signCall(webhookTokens(env)[0]!, url, params),
      'user-agent': 'Doorstep development phone',
    },
    body: new URLSearchParams(params).toString(),
  });
}

function newSid(): string {
  return `SM${newId().replaceAll('-', '')}`;
}
