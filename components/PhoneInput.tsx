'use client';

import type { ChangeEvent, ComponentProps, FocusEvent } from 'react';
import { TextInput } from './TextInput';

const loadFormat = () => import('@/lib/sms/phone-format');
let format: ((raw: string) => string) | null = null;

const digitsBefore = (text: string, end: number) =>
  text.slice(0, end).replace(/[^\p{Nd}+\uff0b]/gu, '').length;

/**
 * Formats what stands in the field and keeps the caret behind the same digit. While something is being deleted or
 * composed nothing moves.
 */
function formatInPlace(field: HTMLInputElement, event?: InputEvent) {
  if (!format || event?.isComposing || event?.inputType?.startsWith('delete')) return;
  const formatted = format(field.value);
  if (formatted === field.value) return;
  const caret = field.selectionEnd ?? field.value.length;
  const atEnd = caret === field.value.length;
  const passed = digitsBefore(field.value, caret);
  field.value = formatted;
  if (document.activeElement !== field) return;
  let position = formatted.length;
  if (!atEnd) {
    position = 0;
    while (position < formatted.length && digitsBefore(formatted, position) < passed) position += 1;
  }
  field.setSelectionRange(position, position);
}

/** A phone number under a label, formatted as it is typed; what formats is loaded on first focus. */
export function PhoneInput({
  onChange,
  onFocus,
  onBlur,
  ...rest
}: Omit<ComponentProps<typeof TextInput>, 'type' | 'inputMode'>) {
  return (
    <TextInput
      autoComplete="tel"
      {...rest}
      type="tel"
      inputMode="tel"
      onFocus={(event: FocusEvent<HTMLInputElement>) => {
        const field = event.currentTarget;
        loadFormat().then(
          (loaded) => {
            format = loaded.formatAsYouType;
            formatInPlace(field);
          },
          () => {},
        );
        onFocus?.(event);
      }}
      onChange={(event: ChangeEvent<HTMLInputElement>) => {
        formatInPlace(event.currentTarget, event.nativeEvent as InputEvent);
        onChange?.(event);
      }}
      onBlur={(event: FocusEvent<HTMLInputElement>) => {
        formatInPlace(event.currentTarget);
        onBlur?.(event);
      }}
    />
  );
}
