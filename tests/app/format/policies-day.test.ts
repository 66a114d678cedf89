import { expect, test } from 'vitest';
import { sayPoliciesDay } from '@/app/_format/policies-day';
import { withSettings } from '@/tests/support/settings';

test.each([
  [null, 'December 3, 2026'],
  ['2026-12-02', 'December 3, 2026'],
  ['2027-01-31', 'January 31, 2027'],
])('the policies of an operator who says %s hold since %s', async (policiesEffectiveOn, shown) => {
  await withSettings({ policiesEffectiveOn }, () => expect(sayPoliciesDay()).toBe(shown));
});
