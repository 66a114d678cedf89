'use client';

import { Alert } from '@/components/ui/Alert';
import styles from '@/components/ui/Alert.module.css';
import type { FormState } from './form-state';

/**
 * The alert at the top of a form: the action's message and a link to each field that has an error, in the order of
 * `fields`. A single error is the alert's title; where the answer's own link goes on in its place, it is plain words, those of the
 * message if there are any. Renders nothing before the first answer. `idPrefix` is what the form puts before its fields' ids.
 */
export function FormAlert<Field extends string>({
  state,
  fields,
  idPrefix = '',
  takesFocus = true,
}: {
  state: FormState<Field>;
  fields: readonly Field[];
  idPrefix?: string;
  takesFocus?: boolean;
}) {
  const failed = fields.filter((field) => state.fieldErrors[field]);
  if (!state.message && failed.length === 0) return null;
  const links = failed.map((field) => (
    <a
      key={field}
      className={styles.link}
      href={`#${idPrefix}${field}`}
      onClick={(event) => {
        const target = document.getElementById(`${idPrefix}${field}`);
        if (!target) return;
        event.preventDefault();
        target.focus({ preventScroll: true });
        target.scrollIntoView({ block: 'center' });
      }}
    >
      {state.fieldErrors[field]}
    </a>
  ));
  const message = failed.some((field) => state.fieldErrors[field] === state.message)
    ? undefined
    : state.message;
  const goesOn = state.link?.here === true;
  const isOnly = links.length === 1 && (message === undefined || goesOn);
  return (
    <Alert
      key={state.key}
      tone={failed.length > 0 ? 'error' : (state.tone ?? 'error')}
      title={
        isOnly
          ? goesOn
            ? (message ?? state.fieldErrors[failed[0]!])
            : links[0]
          : (message ?? `${failed.length} things need your attention`)
      }
      focusOn={takesFocus ? state : undefined}
    >
      {failed.length > 0 && !isOnly ? (
        <ul className={styles.list}>
          {links.map((link) => (
            <li key={link.key}>{link}</li>
          ))}
        </ul>
      ) : null}
      {state.shown ? <p className={styles.shown}>{state.shown}</p> : null}
      {state.link ? (
        <p>
          <a href={state.link.href} target={state.link.here ? undefined : '_blank'}>
            {state.link.words}
          </a>
        </p>
      ) : null}
    </Alert>
  );
}
