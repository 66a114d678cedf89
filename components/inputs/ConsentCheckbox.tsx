import type { ComponentProps } from 'react';
import type { Wording } from '@/lib/consent/wording';
import { Checkbox } from './Checkbox';
import { ConsentText } from './ConsentText';
import styles from './ConsentCheckbox.module.css';

/**
 * The agreement to be texted: the terms, to be read, and below them a box with a short name, in one frame, so that they
 * are about no other box. A screen reader says that the box
 * has details, and does not read them at each focus. The form carries the version of the wording as `consentVersion`, so that
 * the action can tell when another one has been published since.
 */
export function ConsentCheckbox({
  wording,
  name,
  id = name,
  ...rest
}: Omit<ComponentProps<typeof Checkbox>, 'label' | 'hint'> & { wording: Wording }) {
  return (
    <div className={styles.agreement}>
      <ConsentText wording={wording} id={`${id}-terms`} />
      <Checkbox {...rest} name={name} id={id} label={wording.box} aria-details={`${id}-terms`} />
      <input type="hidden" name="consentVersion" value={wording.version} />
    </div>
  );
}
