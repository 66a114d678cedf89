import { isDatabaseAnswering } from '@/db/client';

export const dynamic = 'force-dynamic';

/** For load balancers: 200 while the database answers within three seconds, else 503. */
export async function GET(): Promise<Response> {
  const isWell = await isDatabaseAnswering();
  return Response.json(
    { status: isWell ? 'ok' : 'unavailable' },
    { status: isWell ? 200 : 503, headers: { 'cache-control': 'no-store' } },
  );
}
