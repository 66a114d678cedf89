import { redirect } from 'next/navigation';
import { db } from '@/db/client';
import { answerExport, refuseHead } from '@/app/export-answer';
import { exportData } from '@/lib/auth/export-data';
import { readRequestContext, readUser } from '@/lib/auth/session';

export const dynamic = 'force-dynamic';

/** All of a person's data as a file to take along. */
export async function GET(): Promise<Response> {
  const user = await readUser();
  if (!user) redirect('/users/login?next=%2Fusers%2Fsecurity');
  const context = await readRequestContext();
  const exported = await exportData(db(), user.userId, context);
  return answerExport(exported, { name: 'doorstep-data', now: context.now });
}

export const HEAD = refuseHead;
