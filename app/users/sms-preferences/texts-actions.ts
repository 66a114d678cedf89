'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readConsentVersion } from '@/app/_forms/consent-version';
import { answerForm } from '@/app/_forms/form-answer';
import { box, readForm, text, version } from '@/app/_forms/read-form';
import { saySendRefusal } from '@/app/_format/phone-words';
import { sayWhen } from '@/app/_format/say-when';
import { heldWords } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { TextsField } from '@/components/forms/settings/TextsForm';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { type TextSwitches } from '@/lib/sms/preferences/preferences';
import { turnTextsOff, saveTexts } from '@/lib/sms/preferences/text-switches';
import { type SaveTextsRefusal } from '@/lib/sms/preferences/text-switches';
import { sendTestText, type TestTextRefusal } from '@/lib/sms/preferences/test-text';

const here = '/users/sms-preferences';
const kept = ['smsEnabled', 'applicationStatus', 'reminders', 'security', 'tcpaConsent', 'version'] as const;

const textsForm = z.object({
  intent: text,
  smsEnabled: box,
  applicationStatus: box,
  reminders: box,
  security: box,
  tcpaConsent: box,
  version,
});

/** Saves which texts go out; for the button "Turn all texts off" none, whatever the switches say. */
export async function saveTextsAction(
  _state: FormState<TextsField>,
  formData: FormData,
): Promise<FormState<TextsField>> {
  const actor = await readActor<TextsField>(here, formData, kept);
  if (!actor.ok) return actor.answer;
  const form = readForm(textsForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const { intent, smsEnabled, tcpaConsent: agreed, version, ...kinds } = form.fields;
  if (intent === 'off') {
    await turnTextsOff(db(), actor.user, await readRequestContext());
    refresh();
    return answerForm({
      tone: 'success',
      message: 'Saved: all texts are off. Texts that were waiting will not be sent.',
    });
  }
  const switches: TextSwitches = { enabled: smsEnabled, ...kinds };
  const consent = readConsentVersion(formData);
  if (agreed && !consent.ok) {
    // So that the text in force is the one that is shown.
    refresh();
    const answer = answerForm<TextsField>({ fieldErrors: { tcpaConsent: consent.words } }, formData, kept);
    return { ...answer, values: { ...answer.values, tcpaConsent: '' } };
  }
  const context = await readRequestContext();
  const saved = await saveTexts(db(), actor.user, { switches, version, agreed }, context);
  if (!saved.ok) {
    const clock = { timeZone: await readAnswerZone(actor.user, formData), now: context.now };
    return explain(saved, formData, clock);
  }
  if (saved.code === 'sent') redirect('/users/verify-phone');
  refresh();
  if (saved.code !== 'not_needed') {
    const why = saySendRefusal(saved.code, context.now, await readAnswerZone(actor.user, formData));
    return answerForm({
      tone: 'info',
      message: `Saved. Your number needs to be verified again, but we could not send a code. ${why}`,
    });
  }
  return answerForm({
    tone: 'success',
    message: `Saved: ${sayTexts(switches)}.${switches.enabled ? '' : ' Texts that were waiting will not be sent.'}`,
  });
}

/** Sends a test text, inside all limits and the send policy. */
export async function sendTestTextAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  const context = await readRequestContext();
  const sent = await sendTestText(db(), actor.user, context);
  const clock = { timeZone: await readAnswerZone(actor.user, formData), now: context.now };
  if (!sent.ok) return answerForm({ message: explainTest(sent, clock) });
  refresh();
  // The line below the button says what becomes of it; a second message would soon say something else.
  if (sent.at <= context.now) return answerForm({ tone: 'success' });
  return answerForm({
    tone: 'info',
    message: 'Your quiet hours are on, so the test text will go out when they are over.',
  });
}

function explain(
  refusal: SaveTextsRefusal,
  formData: FormData,
  { now, timeZone }: { now: Date; timeZone: string | null },
): FormState<TextsField> {
  switch (refusal.reason) {
    case 'busy':
      return answerForm({ message: heldWords }, formData, kept);
    case 'too_many_changes':
      return answerForm(
        {
          message: `Not saved: you have changed your settings many times. You can change them again ${sayWhen(refusal.retryAt, now, timeZone)}. What you chose is still below. You can turn all texts off at any time.`,
        },
        formData,
        kept,
      );
    case 'no_phone':
      return answerForm({ fieldErrors: { smsEnabled: 'Add a phone number first.' } }, formData, kept);
    case 'stopped':
      return answerForm(
        {
          fieldErrors: {
            smsEnabled: 'This number has opted out of texts, and only a text from it can undo that: START.',
          },
        },
        formData,
        kept,
      );
    case 'consent_missing':
      return answerForm(
        { fieldErrors: { tcpaConsent: 'We need your agreement to text you. Check this box too.' } },
        formData,
        kept,
      );
    case 'changed_meanwhile': {
      const answer = answerForm<TextsField>(
        {
          message: `Not saved: your choices were changed in the meantime, perhaps in another tab. Now ${sayTexts(refusal.switches)}. What you chose is still below. Save again to use it instead.`,
        },
        formData,
        kept,
      );
      return { ...answer, values: { ...answer.values, version: String(refusal.version) } };
    }
  }
}

const kindWords: Record<Exclude<keyof TextSwitches, 'enabled'>, string> = {
  applicationStatus: 'application status',
  reminders: 'reminders',
  security: 'security',
};

function sayTexts(switches: TextSwitches): string {
  if (!switches.enabled) return 'all texts are off';
  // Where people apply on another site, the page offers no texts about applications.
  const offered = Object.entries(kindWords).filter(
    ([kind]) => env().nextStep === null || kind === 'security',
  );
  const on = offered.flatMap(([kind, words]) => (switches[kind as keyof typeof kindWords] ? [words] : []));
  return on.length === 0
    ? 'texts are on, but every kind is off'
    : `texts are on for ${new Intl.ListFormat('en').format(on)}`;
}

function explainTest(
  refusal: TestTextRefusal,
  { now, timeZone }: { now: Date; timeZone: string | null },
): string {
  switch (refusal.reason) {
    case 'no_phone':
      return 'Add a phone number first.';
    case 'not_verified':
      return 'Verify your phone first. We only text verified numbers.';
    case 'stopped':
      return 'This number replied STOP. Text START from it first.';
    case 'turned_off':
      return 'Turn texts on first.';
    case 'undeliverable':
      return `The carrier says this number cannot receive texts. You can try again ${sayWhen(refusal.retryAt, now, timeZone)}.`;
    case 'send_limit':
      return `That is enough test texts for now. You can send the next one ${sayWhen(refusal.retryAt, now, timeZone)}.`;
  }
}
