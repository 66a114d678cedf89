import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { answerStatusCall } from '@/lib/sms/delivery/answer-status-call';

export const dynamic = 'force-dynamic';

/** What became of a text. */
export async function POST(request: Request): Promise<Response> {
  return answerStatusCall(db(), request, databaseNow());
}

/** Refused with 405 and counted: a webhook that is set to GET at Twilio would be silent otherwise. */
export async function GET(request: Request): Promise<Response> {
  return POST(request);
}
