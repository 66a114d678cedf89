import { expect, test, vi } from 'vitest';
import { addPhoneAction } from '@/app/users/sms-preferences/phone-actions';
import { replaceNumberAction } from '@/app/users/verify-phone/actions';
import type { FormState } from '@/components/forms/form-state';
import { currentWording } from '@/lib/consent/current-wording';
import { newPhone, noon } from '../../support/people';

// Whatever would come after the refusal has no database to reach.
const user = vi.hoisted(() => ({
  userId: 'x',
  role: 'applicant',
  phone: null,
  standing: 'open',
  factors: { passkey: false, totp: false, sms: false },
  secondFactorAt: null,
  authenticatedAt: new Date(0),
}));
vi.mock('@/lib/auth/sign-in/session', () => ({
  readEnrollingUser: async () => user,
  readRequestContext: async () => ({ now: noon, address: '10.0.0.1', userAgent: null }),
}));
vi.mock('@/app/users/settings-actor', () => ({ readActor: async () => ({ ok: true, user }) }));
vi.mock('@/app/users/verify-phone/require-prover', () => ({
  requireProver: async () => ({ userId: 'x', phone: null, purpose: 'prove', user }),
}));

type Action = (state: FormState<never>, form: FormData) => Promise<FormState<string>>;
const state = { tone: 'error', fieldErrors: {}, values: {}, key: 0 } as unknown as FormState<never>;
const actions: [string, unknown][] = [
  ['in the settings', addPhoneAction],
  ['on the code page', replaceNumberAction],
];

function send(action: unknown, phone: string) {
  const form = new FormData();
  const fields = { phone, tcpaConsent: 'on', consentVersion: currentWording().version };
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return (action as Action)(state, form);
}

test.each(actions)(
  'a number is taken %s only within ten minutes of showing whose session it is, and what was typed stays',
  async (_where, action) => {
    const phone = newPhone();
    user.authenticatedAt = new Date(noon.getTime() - 11 * 60_000);
    const answer = await send(action, phone);
    expect(answer).toMatchObject({
      message: expect.stringContaining('Confirm that it is you before you enter a number.'),
      link: { href: '/users/security/confirm' },
      values: { phone, tcpaConsent: 'on' },
    });
    user.authenticatedAt = new Date(noon.getTime() - 9 * 60_000);
    // It goes on, to a database that there is none of.
    await expect(send(action, phone)).rejects.toThrow();
  },
);
