import { PasswordInput } from './PasswordInput';

/**
 * The password that is there now, before what an open browser alone must not do. Not `asked`: a second factor is asked for
 * instead, on a page of its own.
 */
export function CurrentPassword({
  asked,
  idPrefix = '',
  label = 'Your password',
  error,
}: {
  asked: boolean;
  idPrefix?: string;
  label?: string;
  error?: string;
}) {
  if (!asked) return null;
  return (
    <PasswordInput
      id={`${idPrefix}currentPassword`}
      name="currentPassword"
      label={label}
      autoComplete="current-password"
      required
      error={error}
    />
  );
}
