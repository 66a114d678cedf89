import { redirect } from 'next/navigation';
import { db } from '@/db/client';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { answerExport, refuseHead } from '@/app/export-answer';
import { exportData } from '@/lib/auth/settings/export-data';
import { readRequestContext, readUser } from '@/lib/auth/sign-in/session';
import { isFresh } from '@/lib/auth/two-factor/step-up';

export const dynamic = 'force-dynamic';

/** All of a person's data as a file to take along, for whoever has shown within ten minutes that it is theirs. */
export async function GET({ headers, signal }: Request): Promise<Response> {
  const user = await readUser();
  if (!user) redirect('/users/login?next=%2Fusers%2Fsecurity');
  const context = await readRequestContext();
  if (!isFresh(user, context.now))
    redirect('/users/security/confirm?next=%2Fusers%2Fsecurity%3Fconfirmed%3Dexport');
  const exported = await exportData(db(), user.userId, context);
  const timeZone = await readPersonTimeZone(user);
  return answerExport(exported, {
    name: 'doorstep-data',
    now: context.now,
    timeZone,
    page: '/users/security',
    accepts: headers.get('accept'),
    signal,
  });
}

export const HEAD = refuseHead;
