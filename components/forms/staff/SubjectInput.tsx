import { TextInput } from '@/components/inputs/TextInput';

/** The field `q` of a search for someone or something. `subject` is the present search as it is shown. */
export function SubjectInput({
  label,
  hint,
  subject,
  typed,
  error,
}: {
  label: string;
  hint: string;
  subject: string | null;
  typed: string | undefined;
  error: string | undefined;
}) {
  return (
    <TextInput
      // The search changes with the address while the form stays mounted.
      key={subject}
      label={label}
      name="q"
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      hint={hint}
      defaultValue={typed ?? subject ?? ''}
      error={error}
    />
  );
}
