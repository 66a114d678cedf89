/**
 * What a server action answers to its form. `values` holds what was typed so that it can be shown again; a password
 * or a code never belongs there. `key` changes with every answer, so that the same message is announced again.
 */
export type FormState<Field extends string> = {
  message?: string;
  /** Where to go about it; opens beside the form, so that what was typed stays, or `here`, in its place. */
  link?: { href: string; words: string; here?: boolean };
  /** What is shown this once, to be copied. */
  shown?: string;
  /** Of `warning`: it is done, and does not do what its words lead one to expect. */
  tone?: 'error' | 'warning' | 'success' | 'info';
  fieldErrors: Partial<Record<Field, string>>;
  values: Partial<Record<Field, string>>;
  key?: number;
};

/** In which field a browser with JavaScript says its time zone, so that an answer names moments by the clock of its page. */
export const browserZoneField = 'browserZone';

/** The state of a form that has not been submitted yet. */
export const emptyFormState = { fieldErrors: {}, values: {} } satisfies FormState<never>;

/** A server action as `useActionState` takes it. */
export type FormAction<Field extends string> = (
  state: FormState<Field>,
  formData: FormData,
) => Promise<FormState<Field>>;
