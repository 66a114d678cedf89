import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { describeReceipt } from '@/app/users/sms-preferences/record-words';
import { EventList } from '@/components/ui/lists/EventList';
import type { Receipt } from '@/lib/consent/receipts';
import { noon } from '../support/people';

const receipt: Receipt = {
  id: 1,
  at: noon,
  action: 'granted',
  scope: 'updates',
  medium: 'registration',
  phone: '+14155550123',
  sender: 'Doorstep',
  legalSender: 'Example Homes Inc.',
  sentFrom: '+14155550199',
  language: 'en-US',
  page: '/users/register/applicant',
  wordingVersion: '1',
  wording: 'Yes.',
  address: null,
  userAgent: null,
};

const show = (more: Partial<Receipt>) =>
  renderToStaticMarkup(
    createElement(EventList, {
      items: [describeReceipt({ ...receipt, ...more }, { timeZone: null })],
      empty: '',
    }),
  );

test('a consent says to whom it was given, from which number texts were to come, and on which page', () => {
  const page = show({});
  expect(page).toContain('Sender: Doorstep (Example Homes Inc.), from (415) 555-0199.');
  expect(page).toContain('On the page /users/register/applicant.');
  // What a text of START resumes was agreed to there; START itself was said nowhere.
  expect(show({ action: 'resumed', medium: 'sms_start' })).not.toContain('On the page');
});

test('one that is older than these columns, or of a service, says what is known', () => {
  const older = show({ legalSender: null, sentFrom: null, page: null, language: null });
  expect(older).toContain('Sender: Doorstep.');
  expect(older).not.toMatch(/null|On the page/);
  expect(show({ sentFrom: 'MG00000000000000000000000000000000' })).not.toContain('MG0');
});
