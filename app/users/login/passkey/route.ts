import { databaseNow } from '@/db/clock';
import { passkeyRequestOptions } from '@/lib/auth/two-factor/passkeys';

export const dynamic = 'force-dynamic';

/** What a browser needs to sign anyone in by a passkey. Its challenge lives ten minutes, so the page asks again. */
export async function GET(): Promise<Response> {
  const options = await passkeyRequestOptions(null, databaseNow());
  return Response.json(options, { headers: { 'cache-control': 'no-store' } });
}
