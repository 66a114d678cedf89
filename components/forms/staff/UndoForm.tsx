'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { Button } from '@/components/ui/Button';
import { Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { TimeLeft, useTimeLeft, type FutureMoment } from '@/components/ui/time/TimeLeft';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

/** So long after the undo time it is decided how the applicant hears, and the page can say so. */
const decidedAfterMs = 4_000;

/** Takes the last move back, until its time is over; the page is then read once more by itself. */
export function UndoForm({
  action,
  fields,
  title,
  until,
  serverNow,
}: {
  action: FormAction<never>;
  fields: { application: string; event: string };
  title: string;
  until: FutureMoment;
  serverNow: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const router = useRouter();
  const leftMs = useTimeLeft(until.at, serverNow);
  const isOver = leftMs === 0;
  useEffect(() => {
    if (!isOver) return;
    const timer = setTimeout(() => router.refresh(), decidedAfterMs);
    return () => clearTimeout(timer);
  }, [isOver, router]);
  return (
    <Notice tone="info" title={title}>
      <Form action={formAction} pending={pending} aria-label="Undo">
        <Stack gap="small">
          <FormAlert state={state} fields={[]} />
          {isOver ? (
            <Text>The time to undo it is over.</Text>
          ) : (
            <>
              <Text>
                The applicant sees it <TimeLeft until={until} leftMs={leftMs} />. Until then you can take it
                back.
              </Text>
              <input type="hidden" name="application" value={fields.application} />
              <input type="hidden" name="event" value={fields.event} />
              <div>
                <Button variant="secondary" pending={pending}>
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
