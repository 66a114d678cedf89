import type { Env } from '@/lib/env';

/** The number that texts come from and that people can write to; null: it is not known (a messaging service, the console). */
function senderPhone({ twilio }: Pick<Env, 'twilio'>): string | null {
  return twilio !== null && 'fromPhone' in twilio.sender ? twilio.sender.fromPhone : null;
}

/**
 * The number that a START has to be texted to after a STOP: our from-number; on the console the one that the development phone
 * texts; and of a messaging service the number that the STOP was sent to. In: what the ledger says that was. Null: not known.
 */
export function startPhone(
  { twilio }: Pick<Env, 'twilio'>,
  { stopSender }: { stopSender: string | null },
): string | null {
  if (twilio === null) return developmentSender;
  return senderPhone({ twilio }) ?? (stopSender?.startsWith('+') ? stopSender : null);
}

/** Whose pace is counted: the from-number, the messaging service, or the console. */
export function senderName({ twilio }: Pick<Env, 'twilio'>): string {
  if (twilio === null) return 'console';
  return 'fromPhone' in twilio.sender ? twilio.sender.fromPhone : twilio.sender.messagingServiceSid;
}

/** Whether an inbound text was sent to us: to our from-number, or to any number of our messaging service. */
export function isOwnSender(
  { twilio }: Pick<Env, 'twilio'>,
  { to, messagingServiceSid }: { to: string; messagingServiceSid: string | null },
): boolean {
  if (twilio === null) return to === developmentSender;
  const { sender } = twilio;
  return 'fromPhone' in sender ? to === sender.fromPhone : messagingServiceSid === sender.messagingServiceSid;
}

/** Whom the development phone texts. */
export const developmentSender = '+15550100000';

/**
 * Whether the provider tells by itself what became of a text: it can reach us, or stands beside us. Else it is asked
 * (lib/sms/delivery/reconcile.ts).
 */
export function awaitsReports({ twilio, isPublic }: Pick<Env, 'twilio' | 'isPublic'>): boolean {
  return twilio !== null && (isPublic || twilio.apiBaseUrl !== null);
}
