'use server';

import { redirect } from 'next/navigation';
import { clearPendingCookie } from '@/app/_cookies/pending';
import { db } from '@/db/client';
import { readRequestContext, requireUser } from '@/lib/auth/session';
import { sendCode } from '@/lib/sms/verification/send-code';

/** Sends a code to the person's number and leads to the code page, which also says why none could be sent. */
export async function startVerificationAction(): Promise<void> {
  const user = await requireUser('/dashboard');
  await clearPendingCookie();
  if (user.phone !== null) {
    const prover = { userId: user.userId, role: user.role, phone: user.phone, purpose: 'prove' as const };
    await sendCode(db(), prover, await readRequestContext());
  }
  redirect('/users/verify-phone');
}
