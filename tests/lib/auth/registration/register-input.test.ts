import { expect, test } from 'vitest';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { latestWording } from '@/lib/consent/wording';

test('who wants texts and has not agreed is told which box to check, by its name', () => {
  const read = readRegistration(Object.entries({ phone: '(555) 123-4567', verifyPhone: 'on' }));
  expect(read.ok ? undefined : read.fieldErrors.tcpaConsent).toBe(
    `We need your agreement to text you. Check “${latestWording.box}”, or uncheck the texts.`,
  );
});
