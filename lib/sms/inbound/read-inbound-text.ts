import { z } from 'zod';

const fields = z.object({
  sid: z.string().regex(/^[A-Za-z0-9]{2,64}$/),
  from: z.string().max(64),
  to: z.string().max(64),
  messagingServiceSid: z.string().nullable(),
  body: z.string(),
  optOutType: z.enum(['STOP', 'START', 'HELP']).nullable().catch(null),
});

/** Reads an inbound text; null where it names no message or sender. Whatever else it carries is left alone. */
export function readInboundText(form: URLSearchParams): InboundText | null {
  const read = fields.safeParse({
    sid: form.get('MessageSid') ?? form.get('SmsSid'),
    from: form.get('From'),
    to: form.get('To') ?? '',
    messagingServiceSid: form.get('MessagingServiceSid'),
    body: form.get('Body') ?? '',
    optOutType: form.get('OptOutType')?.toUpperCase() ?? null,
  });
  return read.success ? read.data : null;
}

/** A text from a person, as the provider hands it over. */
export type InboundText = {
  /** The provider's id of it; the same text may be handed over several times. */
  sid: string;
  from: string;
  to: string;
  messagingServiceSid: string | null;
  body: string;
  /** Set where the provider has understood and answered the text by itself (Twilio's Advanced Opt-Out). */
  optOutType: 'STOP' | 'START' | 'HELP' | null;
};
