import type { ConsentScope, SenderRole } from '@/db/schema/consent';
import type { MessagePurpose } from '@/db/schema/sms';
import { nameTwilioSender, type Env, type TwilioSettings } from '@/lib/env';

type Settings = Pick<Env, 'twilio'>;

/** Our senders: the one of updates, and the one of codes where there is a second. */
export function sendersOf({ twilio }: Settings): readonly SenderRole[] {
  return twilio?.codesSender ? ['updates', 'codes'] : ['updates'];
}

/** Which of our senders sends texts of a purpose, or what was agreed to by a scope. */
export function senderOf({ twilio }: Settings, of: MessagePurpose | ConsentScope): SenderRole {
  return of === 'verification' && twilio?.codesSender ? 'codes' : 'updates';
}

/** What the line of codes has to know of the sender of codes; `sendsOthers`: it sends all other texts, too. */
export function senderOfCodes(settings: Settings & Parameters<typeof paceOf>[0]): {
  sender: string;
  sendsOthers: boolean;
  messagesPerSecond: number | null;
} {
  const role = senderOf(settings, 'verification');
  return {
    sender: senderName(settings, role),
    sendsOthers: role === senderOf(settings, 'updates'),
    messagesPerSecond: paceOf(settings, role),
  };
}

/** A sender's from-number, or the SID of its messaging service; on the console its name. Each has its own pace. */
export function senderName({ twilio }: Settings, role: SenderRole): string {
  if (twilio === null) return 'console';
  return nameTwilioSender((role === 'codes' ? twilio.codesSender : null) ?? twilio.sender);
}

/** Which of our senders has this name; null: none has today. */
export function senderNamed(settings: Settings, name: string | null): SenderRole | null {
  return sendersOf(settings).find((role) => senderName(settings, role) === name) ?? null;
}

/** Which of our senders an inbound text was sent to: by its from-number, or by any number of its messaging service; null: none. */
export function senderTexted(
  settings: Settings,
  { to, messagingServiceSid }: { to: string; messagingServiceSid: string | null },
): SenderRole | null {
  if (settings.twilio === null) return to === developmentSender ? 'updates' : null;
  return senderNamed(settings, to) ?? senderNamed(settings, messagingServiceSid);
}

/** How many texts a second a sender sends, over all processes; null: as many as there are. */
export function paceOf(
  settings: Pick<Env, 'smsMessagesPerSecond' | 'smsCodesMessagesPerSecond'>,
  role: SenderRole,
): number | null {
  return role === 'codes' ? settings.smsCodesMessagesPerSecond : settings.smsMessagesPerSecond;
}

/**
 * The number that a START has to be texted to after a STOP: the sender's from-number; on the console the one that the development
 * phone texts; and of a messaging service the number that the STOP was sent to. In: what the ledger says that was. Null: not known.
 */
export function startPhone(
  settings: Settings,
  { role, stopSender }: { role: SenderRole; stopSender: string | null },
): string | null {
  if (settings.twilio === null) return developmentSender;
  const name = senderName(settings, role);
  if (name.startsWith('MG')) return stopSender?.startsWith('+') ? stopSender : null;
  return name;
}

/** Whom the development phone texts. */
export const developmentSender = '+15550100000';

/**
 * Whether the provider tells by itself what became of a text: it can reach us, or stands beside us. Else it is asked
 * (lib/sms/delivery/reconcile.ts).
 */
export function awaitsReports({
  twilio,
  isPublic,
}: {
  twilio: Pick<TwilioSettings, 'apiBaseUrl'> | null;
  isPublic: boolean;
}): boolean {
  return twilio !== null && (isPublic || twilio.apiBaseUrl !== null);
}
