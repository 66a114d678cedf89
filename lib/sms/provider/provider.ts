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

/** A text in the provider's list of all. */
export type ListedText = ProviderText & {
  from: string;
  to: string;
  /** Null: it is not sent yet. */
  sentAt: Date | null;
};

/** Which texts: those that came `in` at one of our numbers, or went `out` from our sender; between two moments. */
export type TextList = ({ direction: 'in'; number: string } | { direction: 'out' }) & {
  since: Date;
  until: Date;
  /** At most so many a page. */
  pageSize: number;
  /** What the page before answered as `nextPage`; null: the first. */
  page: string | null;
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

/** What came of reading a day's list of numbers out of service. */
export type DeactivationsRead =
  | { ok: true; count: number }
  /** `not_yet`: the day's list is not made; `too_old`: it is kept no longer. */
  | { ok: false; reason: 'not_yet' | 'too_old' }
  | ({ reason: 'unanswered' } & AskFault);

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
  /** A page of our texts by the moment they were sent at (to the second), the newest first; what is not sent yet is in none. */
  listTexts(list: TextList): Promise<{ ok: true; texts: ListedText[]; nextPage: string | null } | AskFault>;
  /** The numbers at which texts for us arrive. */
  listInboxes(): Promise<{ ok: true; numbers: string[] } | AskFault>;
  /** One text as the provider has it; null: it knows none by this SID. */
  readText(sid: string): Promise<{ ok: true; text: ProviderText | null } | AskFault>;
  /** Tells the provider that the code of this text was entered. `isFinal`: it will not take that, however often it is told. */
  confirmEntry(sid: string): Promise<{ ok: true } | (AskFault & { isFinal: boolean })>;
  /**
   * Reads which numbers (E.164) carriers took out of service on a day (`YYYY-MM-DD`), as many as there are: `take` gets a thousand
   * at a time, each before the next are read. What `take` throws is thrown. `count`: how many numbers there were.
   */
  readDeactivations(
    day: string,
    take: (phones: string[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<DeactivationsRead>;
};
