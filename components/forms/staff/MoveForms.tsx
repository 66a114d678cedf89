'use client';

import type { ReactNode } from 'react';
import { TextArea } from '@/components/inputs/TextArea';
import { Button, type ButtonVariant } from '@/components/ui/Button';
import { Fold } from '@/components/ui/Fold';
import { Stack } from '@/components/ui/Heading';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './MoveForms.module.css';

export type MoveField = 'to' | 'note' | 'internalNote';

/** A move that can be made: `words` name it and its button, `preview` says what its applicant would hear. */
export type OfferedMove = {
  to: string;
  words: string;
  variant: ButtonVariant;
  /** The applicant has to read what is needed. */
  asksNote: boolean;
  /** It comes next as a rule: a phone shows its form open. */
  isUsual: boolean;
  preview: ReactNode;
};

const fieldOrder = ['note', 'internalNote'] as const;

/**
 * The moves that someone can make, a form each. A phone folds them; open at first is the usual one, then the one that was answered.
 * They share one answer, so that it is there still when the move it is about is offered no more; what was typed for that is in the
 * answer then. `children` is said where there is no move.
 */
export function MoveForms({
  action,
  application,
  version,
  moves,
  asksInternal,
  children,
}: {
  action: FormAction<MoveField>;
  application: string;
  version: number;
  moves: readonly OfferedMove[];
  asksInternal: boolean;
  children?: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const wanted = state.values.to ?? '';
  const isOffered = moves.some(({ to }) => to === wanted);
  const typed = sayTyped(state.values);
  return (
    <Stack>
      {isOffered ? null : <FormAlert state={typed ? { ...state, shown: typed } : state} fields={[]} />}
      {moves.length === 0 ? children : null}
      <div className={styles.forms}>
        {moves.map(({ to, words, variant, asksNote, isUsual, preview }) => {
          const values = to === wanted ? state.values : {};
          const errors = to === wanted ? state.fieldErrors : {};
          return (
            <div key={to} className={styles.move} role="group" aria-label={words}>
              <Fold title={words} level={3} heads open={isOffered ? to === wanted : isUsual}>
                <Form action={formAction} pending={pending} aria-label={words}>
                  {to === wanted ? <FormAlert state={state} fields={fieldOrder} idPrefix={`${to}-`} /> : null}
                  <TextArea
                    id={`${to}-note`}
                    name="note"
                    label="Note (the applicant reads this)"
                    hint={asksNote ? 'Say what is needed. It cannot be left empty.' : undefined}
                    required={asksNote}
                    rows={asksNote ? 3 : 2}
                    defaultValue={values.note}
                    error={errors.note}
                  />
                  {asksInternal ? (
                    <TextArea
                      id={`${to}-internalNote`}
                      name="internalNote"
                      label="Internal note"
                      hint="Only staff and admins read this."
                      rows={2}
                      defaultValue={values.internalNote}
                      error={errors.internalNote}
                    />
                  ) : null}
                  <div className={styles.preview}>{preview}</div>
                  <input type="hidden" name="application" value={application} />
                  <input type="hidden" name="to" value={to} />
                  <input type="hidden" name="version" value={version} />
                  <Button variant={variant} wide pending={pending}>
                    {words}
                  </Button>
                </Form>
              </Fold>
            </div>
          );
        })}
      </div>
    </Stack>
  );
}

/** What was typed for a move that is offered no more, to be copied; what nobody but staff and admins were to read is told apart. */
function sayTyped({ note, internalNote }: { note?: string; internalNote?: string }): string {
  const parts = [
    note ? `You had written: ${note}` : '',
    internalNote ? `Your internal note was: ${internalNote}` : '',
  ];
  return parts.filter(Boolean).join('\n');
}
