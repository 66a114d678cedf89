'use client';

import { useEffect, useRef } from 'react';
import { Alert } from '@/components/ui/Alert';
import { Button } from '@/components/ui/Button';
import { putTypingBack, type KeptTyping } from './use-kept-typing';

/**
 * Puts into the form around it what was typed there before, says so, and offers to do without. Nothing where nothing was kept.
 */
export function KeptNotice({ kept, discard }: Pick<KeptTyping, 'kept' | 'discard'>) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (kept !== null) putTypingBack(place.current?.closest('form') ?? null, kept);
  }, [kept]);
  if (kept === null) return null;
  return (
    <div ref={place}>
      <Alert tone="info" title="We kept what you typed">
        <p>It is below, and not saved yet.</p>
        <Button
          type="button"
          variant="secondary"
          onClick={({ currentTarget: { form } }) => {
            discard();
            form?.reset();
            form?.querySelector<HTMLElement>('input:not([type="hidden"]), textarea')?.focus();
          }}
        >
          Discard what I typed
        </Button>
      </Alert>
    </div>
  );
}
