'use server';

import { refresh } from 'next/cache';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readFields } from '@/app/_forms/form-answer';
import { POST as reportStatus } from '@/app/users/webhook/twilio/route';
import { POST as receiveInbound } from '@/app/users/webhook/twilio/inbound/route';
import { env } from '@/lib/env';
import { callWithReport, callWithText } from '@/lib/sms/inbound/dev-phone';
import { requireDevPhone } from './guard';
import { handsetPath } from './read-dev-phone-state';

const phone = z.string().regex(/^\+[1-9]\d{4,14}$/);
const answerFields = z.object({ phone, body: z.string().trim().max(1_600) });
const reportFields = z.object({
  phone,
  message: z.uuid(),
  outcome: z.union([z.literal('delivered').transform(() => null), z.coerce.number().int().positive()]),
});

/** Texts us from a handset, through the webhook that Twilio would call. */
export async function answerAction(formData: FormData): Promise<void> {
  await requireDevPhone();
  const form = answerFields.safeParse(Object.fromEntries(readFields(formData)));
  if (!form.success) redirect('/dev/phone');
  const { phone, body } = form.data;
  if (body !== '') await expectSuccess(receiveInbound(callWithText(env(), { phone, body })));
  await showHandset(phone);
}

/** Reports what became of a text, through the webhook that Twilio would call. */
export async function reportAction(formData: FormData): Promise<void> {
  await requireDevPhone();
  const form = reportFields.safeParse(Object.fromEntries(readFields(formData)));
  if (!form.success) redirect('/dev/phone');
  const { phone, message, outcome } = form.data;
  await expectSuccess(reportStatus(callWithReport(env(), { messageId: message, phone, errorCode: outcome })));
  await showHandset(phone);
}

async function expectSuccess(answer: Promise<Response>): Promise<void> {
  const { ok, status } = await answer;
  if (!ok) throw new Error(`The webhook answered ${status}`);
}

/**
 * Without JavaScript the browser is led back to the handset. With it the page is rendered again in the same answer: for a
 * redirect Next would call us itself, with forwarding headers, and so find no phone.
 */
async function showHandset(phone: string): Promise<void> {
  if ((await headers()).has('next-action')) refresh();
  else redirect(handsetPath(phone));
}
