import { redirect } from 'next/navigation';
import { db } from '@/db/client';
import { readUser } from '@/lib/auth/session';
import { listReceipts } from '@/lib/consent/receipts';
import { listTexts } from '@/lib/sms/history';

export const dynamic = 'force-dynamic';

/** The record of texts and agreements as a file to keep. */
export async function GET(): Promise<Response> {
  const user = await readUser();
  if (!user) redirect('/users/login?next=%2Fusers%2Fsms-preferences%2Frecord');
  const now = new Date();
  const record = {
    format: 'doorstep-sms-record/1',
    of: { name: user.name, email: user.email, phone: user.phone },
    at: now,
    agreements: await listReceipts(db(), user.userId),
    texts: await listTexts(db(), user, { limit: null }),
  };
  return new Response(JSON.stringify(record, null, 2), {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': `attachment; filename="doorstep-sms-record-${now.toISOString().slice(0, 10)}.json"`,
      'cache-control': 'no-store',
    },
  });
}
