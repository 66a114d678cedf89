import { z } from 'zod';
import type { StatusReport } from '@/lib/sms/delivery';
import type { WebhookCall } from '@/lib/sms/webhook-call';

const sid = z.string().regex(/^[A-Za-z0-9]{2,64}$/);
const whole = z.coerce.number().int().min(0).max(999_999);
/** A text of more parts, or dearer, is none that we sent: such a figure is not believed. */
const mostSegments = 50;
const dearestUsd = 10;

const fields = z.object({
  sid,
  status: z.string().min(1).max(40),
  errorCode: whole.nullable().catch(null),
  price: z
    .string()
    .refine((price) => Math.abs(Number(price)) <= dearestUsd)
    .nullable()
    .catch(null),
  priceUnit: z.string().nullable(),
  segments: whole.max(mostSegments).nullable().catch(null),
  to: z.string().nullable(),
});

/** Reads a status callback; null where it names no text or state. Whatever else it carries is left alone. */
export function readStatusReport({ fields: form, query }: WebhookCall, now: Date): StatusReport | null {
  const read = fields.safeParse({
    sid: form.get('MessageSid') ?? form.get('SmsSid'),
    status: form.get('MessageStatus') ?? form.get('SmsStatus'),
    errorCode: form.get('ErrorCode') || null,
    price: form.get('Price') || null,
    priceUnit: form.get('PriceUnit') || null,
    segments: form.get('NumSegments') || null,
    to: form.get('To'),
  });
  return read.success ? { ...read.data, messageId: query.get('message'), now } : null;
}
