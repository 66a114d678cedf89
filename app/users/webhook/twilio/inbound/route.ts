import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { takeTextAnswer } from '@/lib/applications/take-text-answer';
import { answerInboundCall } from '@/lib/sms/inbound/answer-inbound-call';

export const dynamic = 'force-dynamic';

/** A text from a person. */
export async function POST(request: Request): Promise<Response> {
  return answerInboundCall(db(), request, { now: databaseNow(), takeAnswer: takeTextAnswer });
}

/** Refused with 405 and counted: a webhook that is set to GET at Twilio would be silent otherwise. */
export async function GET(request: Request): Promise<Response> {
  return POST(request);
}
