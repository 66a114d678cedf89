import { expect, test } from 'vitest';
import { fillTemplate } from '@/lib/mail/templates';

test('a notice says in plain words what its link takes back', () => {
  const facts = { site: 'Elm', link: 'https://elm.example/not-me', lasts: '7 days', params: {} };
  expect(fillTemplate('passwordChanged', facts)?.notes).toEqual([
    'The link works for 7 days. It signs everyone out, restores your earlier email and phone number, removes second factors that were added, and lets you choose a new password.',
  ]);
});
