import { expect, test } from 'vitest';
import { sayMyEvent } from '@/app/_format/application-words';
import { noon } from '@/tests/support/people';

const text = {
  id: 1,
  at: noon,
  kind: 'answered',
  toStatus: null,
  note: 'When?',
  isMine: true,
  byText: true,
} as const;

test('a text is called an answer only where something was asked for', () => {
  expect(sayMyEvent(text, 'documents_needed')).toBe('You answered by text');
  expect(sayMyEvent(text, 'in_review')).toBe('You texted us');
  expect(sayMyEvent({ ...text, byText: false }, 'documents_needed')).toBe('You answered');
});
