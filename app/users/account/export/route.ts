import { redirect } from 'next/navigation';
import { db } from '@/db/client';
import { exportData } from '@/lib/auth/export-data';
import { readRequestContext, readUser } from '@/lib/auth/session';

export const dynamic = 'force-dynamic';

/** All of a person's data as a file to take along. */
export async function GET(): Promise<Response> {
  const user = await readUser();
  if (!user) redirect('/users/login?next=%2Fusers%2Fsecurity');
  const context = await readRequestContext();
  const data = await exportData(db(), user.userId, context);
  return new Response(JSON.stringify(data, null, 2), {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': `attachment; filename="doorstep-data-${context.now.toISOString().slice(0, 10)}.json"`,
      'cache-control': 'no-store',
    },
  });
}
