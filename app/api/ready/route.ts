import { readReadiness } from '@/db/client';

export const dynamic = 'force-dynamic';

/**
 * For load balancers: 200 while requests should be sent here. Else 503 with the reason: the database does not answer, is a
 * read-only standby, or lacks a migration. While the server stops, our listener answers 503 itself (scripts/web/serve.ts).
 */
export async function GET(): Promise<Response> {
  const ready = await readReadiness();
  return Response.json(ready.ok ? { status: 'ok' } : { status: 'unavailable', reason: ready.reason }, {
    status: ready.ok ? 200 : 503,
    headers: { 'cache-control': 'no-store' },
  });
}
