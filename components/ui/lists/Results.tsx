'use client';

import { useEffect, useRef, type ReactNode } from 'react';
import { Stack } from '../Heading';

/**
 * What a search found. Where another search takes its place on a page that is open (`of`), it takes the focus, which was lost with
 * the form that asked, so that a screen reader goes on there.
 */
export function Results({ label, of, children }: { label: string; of: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef(of);
  useEffect(() => {
    if (shown.current === of) return;
    shown.current = of;
    box.current?.focus();
  }, [of]);
  return (
    <div ref={box} role="group" aria-label={label} tabIndex={-1}>
      <Stack gap="large">{children}</Stack>
    </div>
  );
}
