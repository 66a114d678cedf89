import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { SendAgainForm } from '@/components/forms/code/SendAgainForm';
import { emptyFormState } from '@/components/forms/form-state';

test.each([
  [2, false, 'You can send it 2 more times.'],
  [1, false, 'You can send it 1 more time.'],
  [2, true, 'You can ask for 2 more codes.'],
  [1, true, 'You can ask for 1 more code.'],
  [0, false, null],
])('of %s sends that are left, new code: %s, the form says %s', (sendsLeft, isNew, words) => {
  const markup = renderToStaticMarkup(
    createElement(SendAgainForm, {
      ...{ sendsLeft, isNew, availableAt: null, waitsLong: false, serverNow: '2026-11-24T13:00:00Z' },
      action: async () => emptyFormState,
    }),
  );
  if (words === null) expect(markup).not.toContain('You can');
  else expect(markup).toContain(words);
});
