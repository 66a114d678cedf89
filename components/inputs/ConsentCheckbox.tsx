import type { ComponentProps } from 'react';
import type { Wording } from '@/lib/consent/wording';
import { Checkbox } from './Checkbox';
import { ConsentText } from './ConsentText';

/**
 * The agreement to be texted: the box's label is the wording itself, nothing more, and the form carries its version as
 * `consentVersion`, so that the action can tell when another wording has been published since.
 */
export function ConsentCheckbox({
  wording,
  ...rest
}: Omit<ComponentProps<typeof Checkbox>, 'label' | 'hint' | 'finePrint'> & { wording: Wording }) {
  return (
    <>
      <Checkbox {...rest} label={<ConsentText wording={wording} />} finePrint />
      <input type="hidden" name="consentVersion" value={wording.version} />
    </>
  );
}
