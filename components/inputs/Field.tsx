import type { ReactNode } from 'react';
import styles from './Field.module.css';
import { Icon } from '@/components/ui/Icon';

/** What every control of a form takes besides the attributes of its element. */
export type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  /** The error announces itself, each time this becomes another value: for a form whose alert does not say it. */
  announcedOn?: number;
  optional?: boolean;
};

/** The attributes that tie a control to its hint and its error. */
export function describeField(id: string, { hint, error }: { hint?: ReactNode; error?: string }) {
  const describedBy = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return { 'aria-describedby': describedBy || undefined, 'aria-invalid': error ? true : undefined };
}

/** Label, control, error and hint, one under another; `id` is the control's. */
export function Field({
  id,
  label,
  hint,
  error,
  announcedOn,
  optional = false,
  children,
}: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
        {optional ? <span className={styles.optional}> (optional)</span> : null}
      </label>
      {children}
      <FieldError key={announcedOn} id={id} error={error} isAnnounced={announcedOn !== undefined} />
      {hint ? (
        <div className={styles.hint} id={`${id}-hint`}>
          {hint}
        </div>
      ) : null}
    </div>
  );
}

/** The error of one control, beside it. */
export function FieldError({
  id,
  error,
  isAnnounced = false,
}: {
  id: string;
  error?: string;
  isAnnounced?: boolean;
}) {
  if (!error) return null;
  return (
    <p className={styles.error} id={`${id}-error`} role={isAnnounced ? 'alert' : undefined}>
      <Icon name="alert" />
      <span>{error}</span>
    </p>
  );
}

/** Controls that belong together under one legend. */
export function FieldGroup({
  legend,
  hint,
  children,
}: {
  legend: ReactNode;
  hint?: ReactNode;
  children: ReactNode;
}) {
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{legend}</legend>
      {hint ? <p className={styles.groupHint}>{hint}</p> : null}
      <div className={styles.groupBody}>{children}</div>
    </fieldset>
  );
}
