import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { GET as download } from '@/app/users/account/export/route';
import { GET as downloadRecord } from '@/app/users/sms-preferences/record/download/route';
import { changeNameAction } from '@/app/users/profile/actions';
import { changePasswordAction } from '@/app/users/security/actions';
import { changePhoneAction, removePhoneAction } from '@/app/users/sms-preferences/phone-actions';
import { saveQuietHoursAction } from '@/app/users/sms-preferences/quiet-hours-actions';
import { saveTextsAction } from '@/app/users/sms-preferences/texts-actions';
import { replaceNumberAction } from '@/app/users/verify-phone/actions';
import type { FormState } from '@/components/forms/form-state';
import { currentWording } from '@/lib/consent/current-wording';
import { takeSettingsHit, type SettingsKind } from '@/lib/rate-limits/by-account';
import { maskPhone } from '@/lib/phone/parse';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { useDatabase } from '../../support/database';
import { after, contextAt, newPhone, noon } from '../../support/people';
import { giveSettledPerson, password, readSessionOf, type SettledPerson } from '../../support/settled-person';

const visit = vi.hoisted(() => ({ db: null as unknown, person: null as unknown, context: null as unknown }));
vi.mock('@/db/client', () => ({ db: () => visit.db }));
vi.mock('@/lib/auth/sign-in/session', () => ({
  readUser: async () => visit.person,
  readEnrollingUser: async () => visit.person,
  readRequestContext: async () => visit.context,
}));
vi.mock('@/app/_cookies/pending-cookie', () => ({ clearPendingCookie: async () => undefined }));
vi.mock('@/app/users/verify-phone/require-prover', () => ({
  requireProver: async () => ({
    ...(visit.person as object),
    purpose: 'prove',
    phone: null,
    user: visit.person,
  }),
}));
vi.mock('next/cache', () => ({ refresh: () => undefined }));

const database = useDatabase();
let person: SettledPerson;
const state = { tone: 'error', fieldErrors: {}, values: {}, key: 0 } as unknown as FormState<never>;
type Action = (state: FormState<never>, form: FormData) => Promise<FormState<string>>;

beforeAll(() => void (visit.db = database.db));
beforeEach(async () => {
  person = await giveSettledPerson(database.db);
  visit.person = await readSessionOf(database.db, person, after(noon, 30));
  // The person's zone is that of New York; the window opens again an hour after the first change.
  visit.context = contextAt(after(noon, 60));
});

async function spend(kind: SettingsKind): Promise<void> {
  for (let i = 0; i < 30; i += 1) {
    await takeSettingsHit(database.db, { userId: person.userId, kind }, noon);
  }
}

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

const consented = () => ({ tcpaConsent: 'on', consentVersion: currentWording().version });
const when = 'again in 59 minutes (at 8:00:00 AM EST).';
const phone = newPhone();
const texts = { smsEnabled: 'on', reminders: 'on', version: '1' };
const hours = {
  quietHoursEnabled: 'on',
  quietHoursStart: '22:15',
  quietHoursEnd: '07:30',
  timeZone: 'America/Chicago',
  version: '1',
};
const words = {
  texts: `Not saved: you have changed your settings many times. You can change them ${when} What you chose is still below. You can turn all texts off at any time.`,
  hours: `Not saved: you have changed your settings many times. You can change them ${when} What you typed is still below.`,
  number: `You have changed your number many times. You can change it ${when}`,
  password: `You have changed your password many times. You can change it ${when}`,
};

const refusals: [
  string,
  unknown,
  SettingsKind,
  () => Record<string, string>,
  string,
  Record<string, string>,
][] = [
  ['texts', saveTextsAction, 'preferences', () => texts, words.texts, texts],
  ['quiet hours', saveQuietHoursAction, 'preferences', () => hours, words.hours, hours],
  [
    'another number',
    changePhoneAction,
    'phone',
    () => ({ ...consented(), phone, currentPassword: password, shownPhone: maskPhone(person.phone!) }),
    `Nothing was changed. ${words.number}`,
    { phone, tcpaConsent: 'on' },
  ],
  [
    'the number of the code page',
    replaceNumberAction,
    'phone',
    () => ({ ...consented(), phone }),
    words.number,
    { phone },
  ],
  [
    'the password',
    changePasswordAction,
    'password',
    () => ({ currentPassword: password, newPassword: 'violet otter cactus' }),
    words.password,
    {},
  ],
];

test.each(refusals)(
  'the thirty-first change of %s is refused in words that say when it is allowed, and what was typed stays',
  async (_, action, kind, fields, message, kept) => {
    await spend(kind);
    const answer = await (action as Action)(state, formOf(fields()));
    expect(answer).toMatchObject({ tone: 'error', message, fieldErrors: {} });
    const { preview, ...values } = answer.values;
    expect(values).toEqual(kept);
    expect(preview === undefined).toBe(action !== saveQuietHoursAction);
  },
);

test('the eleventh name of a day is refused in words that say when it is allowed, and what was typed stays', async () => {
  for (let n = 0; n < 10; n += 1) {
    await takeSettingsHit(database.db, { userId: person.userId, kind: 'name' }, noon);
  }
  const answer = await (changeNameAction as unknown as Action)(state, formOf({ name: 'Another Name' }));
  expect(answer).toMatchObject({ tone: 'error', fieldErrors: {}, values: { name: 'Another Name' } });
  expect(answer.message).toMatch(
    /^Not saved: you have changed your name many times\. You can change it again in 23 h 59 min \(.*\)\. What you typed is still below\.$/,
  );
});

test('the button that turns all texts off works when every change is spent', async () => {
  await spend('preferences');
  const answer = await (saveTextsAction as unknown as Action)(state, formOf({ ...texts, intent: 'off' }));
  expect(answer.tone).toBe('success');
  expect((await requirePreferences(database.db, person.userId)).enabled).toBe(false);
});

test('the number is removed when every change of it is spent', async () => {
  await spend('phone');
  const form = formOf({ currentPassword: password, shownPhone: maskPhone(person.phone!) });
  await expect((removePhoneAction as unknown as Action)(state, form)).rejects.toThrow('NEXT_REDIRECT');
  const { rows } = await database.pool.query('select phone from users where id = $1', [person.userId]);
  expect(rows).toEqual([{ phone: null }]);
});

test('the thirty-first download is refused until the first is an hour old', async () => {
  await spend('export');
  const answer = await download(new Request('http://localhost/users/account/export'));
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3540']);
  expect(await answer.text()).toBe(`You have downloaded your data many times. You can download it ${when}\n`);
});

test('a browser whose download is refused is led back to the page of its button, with a reason of ours in the address', async () => {
  const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const visitOf = async (get: typeof download) => {
    const answer = await get(new Request('http://localhost/', { headers }));
    return [answer.status, answer.headers.get('location'), await answer.text()];
  };
  await spend('export');
  expect(await visitOf(download)).toEqual([303, '/users/security?refused=many', '']);
  expect(await visitOf(downloadRecord)).toEqual([303, '/users/sms-preferences/record?refused=many', '']);
});
