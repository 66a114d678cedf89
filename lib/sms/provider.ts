import type { MessagePurpose } from '@/db/schema/sms';

/** What a provider says of one text. */
export type ProviderText = {
  sid: string;
  /** The provider's own word for its state. */
  status: string;
  errorCode: number | null;
  /** Decimal as reported (negative when charged); null: not known yet. */
  price: string | null;
  priceUnit: string | null;
  /** Null: not known yet. */
  segments: number | null;
  body: string;
  createdAt: Date;
};

/** What became of one call to send a text. */
export type SendOutcome =
  | { outcome: 'accepted'; sid: string | null; status: string | null; segments: number | null }
  /** The provider answered no: certainly not sent. */
  | { outcome: 'refused'; code: number | null; httpStatus: number; retryAfterSeconds: number | null }
  /** The request never got out: certainly not sent. */
  | { outcome: 'unreachable'; fault: string }
  /** It may or may not have been sent. */
  | { outcome: 'unknown'; fault: string };

/** Why a question to the provider was not answered. */
export type AskFault = { ok: false; fault: string };

/** The one door that texts leave by. Nothing here throws for what the network or the provider does. */
export type Provider = {
  name: 'console' | 'twilio';
  /** Whose pace is counted: the from-number or the messaging service. */
  sender: string;
  /** How long after a call of unknown outcome its text can be looked up with certainty. */
  lookUpAfterMs: number;
  /** How long after acceptance to ask what became of a text; null: it cannot be asked. */
  firstCheckAfterMs: number | null;
  /** Loads and warms what the first call needs, so that a call starts at the moment it is made. */
  prepare(): Promise<void>;
  sendText(text: {
    to: string;
    body: string;
    purpose: MessagePurpose;
    messageId: string;
    /** How long the provider may hold the text before it is worthless; null: as long as it likes. */
    validitySeconds: number | null;
    /** Whether the provider should refuse what looks like SMS pumping. */
    riskCheck: boolean;
  }): Promise<SendOutcome>;
  /** The texts to this number made at or after `since`, oldest first. */
  findTexts(query: { to: string; since: Date }): Promise<{ ok: true; texts: ProviderText[] } | AskFault>;
  /** One text as it stands at the provider; null: it knows none by this SID. */
  readText(sid: string): Promise<{ ok: true; text: ProviderText | null } | AskFault>;
};
