import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { env } from '@/lib/env';
import { mayReadMetrics, printMetrics } from '@/lib/reporting/print-metrics';

export const dynamic = 'force-dynamic';

const uncached = { 'cache-control': 'no-store' };

/** For Prometheus: the figures of the installation as text, or 503 while the database does not answer. docs/contract.md says who may read them. */
export async function GET(request: Request): Promise<Response> {
  const verdict = mayReadMetrics(env(), request.headers);
  if (verdict === 'nothing_here') return new Response(null, { status: 404, headers: uncached });
  if (verdict === 'token') {
    return new Response(null, { status: 401, headers: { ...uncached, 'www-authenticate': 'Bearer' } });
  }
  const printed = await printMetrics(db(), databaseNow()).catch(() => null);
  if (printed === null) return new Response(null, { status: 503, headers: uncached });
  return new Response(printed.text, { headers: { ...uncached, 'content-type': printed.contentType } });
}
