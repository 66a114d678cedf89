import type { ComponentProps } from 'react';
import { TextInput } from './TextInput';

/** An email address, as a phone's keyboard should take it: nothing is capitalized and nothing corrected. */
export function EmailInput({
  label = 'Email',
  name = 'email',
  ...rest
}: Omit<ComponentProps<typeof TextInput>, 'label' | 'name' | 'type'> & { label?: string; name?: string }) {
  return (
    <TextInput
      label={label}
      name={name}
      type="email"
      autoCapitalize="none"
      spellCheck={false}
      required
      {...rest}
    />
  );
}
