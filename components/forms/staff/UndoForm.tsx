'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import { Button } from '@/components/ui/Button';
import { Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { TimeLeft, useTimeLeft, type FutureMoment } from '@/components/ui/time/TimeLeft';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './UndoForm.module.css';

/** So long after the undo time it is decided how the applicant hears, and the page can say so. */
const decidedAfterMs = 4_000;

/** A move that may still be taken back. */
export type Undo = {
  fields: { application: string; event: string };
  title: string;
  until: FutureMoment;
};

type Props = { action: FormAction<never>; serverNow: string };

/**
 * Takes the last move back, until its time is over; the page is then read once more by itself. `undo` null: nothing can be taken
 * back, or not any more. A move whose time ran out here is still spoken of then, so that nothing below it jumps.
 */
export function UndoForm({ undo, ...props }: Props & { undo: Undo | null }) {
  const [last, setLast] = useState(undo);
  if (undo !== null && undo.fields.event !== last?.fields.event) setLast(undo);
  const shown = undo ?? last;
  if (shown === null) return null;
  return <UndoNotice key={shown.fields.event} {...props} undo={shown} isOffered={undo !== null} />;
}

function UndoNotice({ action, undo, isOffered, serverNow }: Props & { undo: Undo; isOffered: boolean }) {
  const { fields, title, until } = undo;
  const [state, formAction, pending] = useFormAction(action);
  const router = useRouter();
  const leftMs = useTimeLeft(until.at, serverNow);
  const isOver = leftMs === 0;
  const hadFocus = useRef(false);
  const over = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOver) return;
    if (hadFocus.current) over.current?.focus({ preventScroll: true });
    const timer = setTimeout(() => router.refresh(), decidedAfterMs);
    return () => clearTimeout(timer);
  }, [isOver, router]);
  if (!isOffered && !isOver) return null;
  return (
    <Notice tone="info" title={title}>
      <Form action={formAction} pending={pending} aria-label="Undo">
        <Stack gap="small">
          <FormAlert state={state} fields={[]} />
          {isOver ? (
            <>
              <Text>The applicant sees it now, and you can no longer take it back.</Text>
              <div ref={over} tabIndex={-1} className={styles.over}>
                The time to undo it is over.
              </div>
            </>
          ) : (
            <>
              <Text>
                The applicant sees it <TimeLeft until={until} leftMs={leftMs} />. Until then you can take it
                back.
              </Text>
              <input type="hidden" name="application" value={fields.application} />
              <input type="hidden" name="event" value={fields.event} />
              <div>
                <Button
                  variant="secondary"
                  pending={pending}
                  onFocus={() => (hadFocus.current = true)}
                  onBlur={() => (hadFocus.current = false)}
                >
                  Undo
                </Button>
              </div>
            </>
          )}
        </Stack>
      </Form>
    </Notice>
  );
}
