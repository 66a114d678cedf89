import { z } from 'zod';
import { readFigures } from '@/lib/sms/provider/figures';
import type { WebhookCall } from '@/lib/sms/webhooks/call';

const sid = z.string().regex(/^[A-Za-z0-9]{2,64}$/);
const fields = z.object({
  sid,
  status: z.string().min(1).max(40),
  priceUnit: z.string().nullable(),
  to: z.string().nullable(),
});

/** Reads a status callback; null where it names no text or state. Whatever else it carries is left alone. */
export function readStatusReport({ fields: form, query }: WebhookCall, now: Date): StatusReport | null {
  const read = fields.safeParse({
    sid: form.get('MessageSid') ?? form.get('SmsSid'),
    status: form.get('MessageStatus') ?? form.get('SmsStatus'),
    priceUnit: form.get('PriceUnit') || null,
    to: form.get('To'),
  });
  if (!read.success) return null;
  const figures = readFigures({
    errorCode: form.get('ErrorCode'),
    price: form.get('Price'),
    segments: form.get('NumSegments'),
  });
  return { ...read.data, ...figures, messageId: query.get('message'), now };
}

export type StatusReport = {
  /** Our own id, when the report carries it. */
  messageId?: string | null;
  sid: string;
  /** The provider's word; one we do not know changes nothing. */
  status: string;
  errorCode: number | null;
  /** Decimal as reported (negative when charged); null: not known. */
  price: string | null;
  priceUnit: string | null;
  /** Null or 0: not known. */
  segments: number | null;
  /** The number it went to, E.164. */
  to: string | null;
  now: Date;
};
