import { describe, expect, test, vi } from 'vitest';
import { replaceNumberAction } from '@/app/users/verify-phone/actions';
import { registerAction } from '@/app/users/register/applicant/actions';
import { addPhoneAction } from '@/app/users/sms-preferences/phone-actions';
import { saveTextsAction } from '@/app/users/sms-preferences/texts-actions';
import type { FormState } from '@/components/forms/form-state';
import { currentWording } from '@/lib/consent/current-wording';
import { newPhone } from '../../support/people';

// Who sends the form is not what is tested; whatever would come after the refusal has no database to reach.
vi.mock('@/lib/auth/sign-in/session', () => ({
  readEnrollingUser: async () => ({ userId: 'x', role: 'applicant', phone: null, standing: 'open' }),
  readRequestContext: async () => Promise.reject(new Error('Not refused')),
}));
vi.mock('@/app/_cookies/pending-cookie', () => ({ clearPendingCookie: async () => undefined }));
vi.mock('@/app/users/verify-phone/require-prover', () => ({ requireProver: async () => ({ phone: null }) }));
const refresh = vi.hoisted(() => vi.fn());
vi.mock('next/cache', () => ({ refresh }));

const phone = newPhone();
const typed = {
  email: 'name@example.com',
  name: 'Name',
  password: 'violet otter cactus',
  phone,
  currentPassword: 'violet otter cactus',
  shownPhone: '',
  smsOptIn: 'on',
  verifyPhone: 'on',
  smsEnabled: 'on',
  reminders: 'on',
  version: '3',
  tcpaConsent: 'on',
};

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

const state = { tone: 'error', fieldErrors: {}, values: {}, key: 0 } as unknown as FormState<never>;
type Action = (state: FormState<never>, form: FormData) => Promise<FormState<string>>;

const forms: [string, unknown, Record<string, string>][] = [
  [
    'registration',
    registerAction,
    { email: typed.email, name: 'Name', phone, smsOptIn: 'on', verifyPhone: 'on' },
  ],
  ['code page', replaceNumberAction, { phone }],
  ['first number', addPhoneAction, { phone, smsOptIn: 'on' }],
  ['texts', saveTextsAction, { smsEnabled: 'on', reminders: 'on', version: '3' }],
];

describe('a form that agrees without saying which text it showed', () => {
  test.each(forms)(
    'is refused on the %s, with the text shown again and what was typed',
    async (_, action, kept) => {
      for (const [consentVersion, words] of [
        [undefined, 'We could not tell whether this text was shown to you.'],
        ['', 'We could not tell whether this text was shown to you.'],
        ['2020-01-1', 'This text has changed since you opened the page.'],
      ] as const) {
        refresh.mockClear();
        const form = formOf({ ...typed, ...(consentVersion !== undefined && { consentVersion }) });
        const answer = await (action as Action)(state, form);
        expect(answer.fieldErrors.tcpaConsent).toBe(`${words} Please read it and check the box again.`);
        const { tcpaConsent, ...values } = answer.values;
        expect(tcpaConsent || undefined).toBeUndefined();
        expect(values).toEqual(kept);
        expect(refresh).toHaveBeenCalledOnce();
      }
    },
  );

  test.each(forms)('is heard on the %s when it names the text in force', async (_, action) => {
    const form = formOf({ ...typed, consentVersion: currentWording().version });
    await expect((action as Action)(state, form)).rejects.toThrow('Not refused');
  });
});
