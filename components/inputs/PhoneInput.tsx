'use client';

import { useEffect, type ChangeEvent, type ComponentProps, type FocusEvent, type ReactNode } from 'react';
import { TextInput } from './TextInput';

const loadFormat = () => import('@/lib/phone/format');
let format: ((raw: string) => string) | null = null;

const digitsBefore = (text: string, end: number) =>
  text.slice(0, end).replace(/[^\p{Nd}+\uff0b]/gu, '').length;

/**
 * Formats what is in the field and keeps the caret behind the same digit. While something is being deleted or
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

function formatOnceLoaded(field: HTMLInputElement) {
  loadFormat().then(
    (loaded) => {
      format = loaded.formatAsYouType;
      formatInPlace(field);
    },
    () => {},
  );
}

/** North American numbers need nothing loaded to be written as people write them. */
const writeNationally = (phone: unknown) =>
  typeof phone === 'string' ? phone.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '($1) $2-$3') : undefined;

/** The sentences of a hint that the error does not say already. */
function sayOnce(hint: ReactNode, error: string | undefined): ReactNode {
  if (typeof hint !== 'string' || !error) return hint;
  const others = hint.split('. ').filter((sentence) => !error.includes(sentence));
  return others.join('. ') || undefined;
}

/**
 * A phone number under a label, formatted as it is typed; what formats is loaded on first focus, or at once for a number
 * of another country that is there already.
 */
export function PhoneInput({
  name,
  id = name,
  hint,
  error,
  defaultValue,
  onChange,
  onFocus,
  onBlur,
  ...rest
}: Omit<ComponentProps<typeof TextInput>, 'type' | 'inputMode'>) {
  const filled = writeNationally(defaultValue);
  const isForeign = filled?.startsWith('+') ?? false;
  useEffect(() => {
    const field = isForeign ? document.getElementById(id) : null;
    if (field instanceof HTMLInputElement) formatOnceLoaded(field);
  }, [isForeign, id]);
  return (
    <TextInput
      autoComplete="tel"
      {...rest}
      hint={sayOnce(hint, error)}
      error={error}
      id={id}
      name={name}
      defaultValue={filled}
      type="tel"
      inputMode="tel"
      onFocus={(event: FocusEvent<HTMLInputElement>) => {
        formatOnceLoaded(event.currentTarget);
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
