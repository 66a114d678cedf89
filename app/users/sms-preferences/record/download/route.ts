import { redirect } from 'next/navigation';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { answerExport, refuseHead } from '@/app/export-answer';
import { db } from '@/db/client';
import { exportRecord } from '@/lib/auth/settings/export-data';
import { readRequestContext, readUser } from '@/lib/auth/sign-in/session';

export const dynamic = 'force-dynamic';

/** The record of texts and agreements as a file to keep. */
export async function GET({ headers, signal }: Request): Promise<Response> {
  const user = await readUser();
  if (!user) redirect('/users/login?next=%2Fusers%2Fsms-preferences%2Frecord');
  const context = await readRequestContext();
  const exported = await exportRecord(db(), user.userId, context);
  const timeZone = await readPersonTimeZone(user);
  return answerExport(exported, {
    name: 'doorstep-sms-record',
    now: context.now,
    timeZone,
    page: '/users/sms-preferences/record',
    accepts: headers.get('accept'),
    signal,
  });
}

export const HEAD = refuseHead;
