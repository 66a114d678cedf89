'use server';

import { redirect } from 'next/navigation';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { sayWhen } from '@/app/_format/say-when';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { sendProofAgain } from '@/lib/auth/registration/prove-email';
import { readRequestContext, requireUser } from '@/lib/auth/sign-in/session';
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

/** Sends the link again that confirms the person's email. */
export async function sendProofAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>('/dashboard');
  if (!actor.ok) return actor.answer;
  const context = await readRequestContext();
  const sent = await sendProofAgain(db(), actor.user.userId, context);
  if (sent.ok) return answerForm({ tone: 'success', message: `We have sent a link to ${actor.user.email}.` });
  switch (sent.reason) {
    case 'proven_already':
      return answerForm({ tone: 'success', message: 'Your email is confirmed already.' });
    case 'mail_off':
      return answerForm({ message: 'We cannot send email right now. Nothing is missing: try again later.' });
    case 'mail_limit': {
      const when = sayWhen(sent.retryAt, context.now, await readAnswerZone(actor.user, formData));
      return answerForm({
        message: `We have sent a few emails to this address already. Look in your spam folder, too. You can ask for another ${when}.`,
      });
    }
  }
}
