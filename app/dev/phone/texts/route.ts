import { databaseNow } from '@/db/clock';
import { env } from '@/lib/env';
import { isDevPhoneOpen } from '@/lib/sms/inbound/dev-phone';
import { readNumberParam, readDevPhoneState } from '../read-dev-phone-state';

export const dynamic = 'force-dynamic';

/** What the phone shows now, for it to ask while it is open. */
export async function GET(request: Request): Promise<Response> {
  if (!isDevPhoneOpen(env(), request.headers)) return new Response(null, { status: 404 });
  const phone = readNumberParam(new URL(request.url).searchParams.get('number'));
  return Response.json(await readDevPhoneState(phone, databaseNow()), {
    headers: { 'cache-control': 'no-store' },
  });
}
