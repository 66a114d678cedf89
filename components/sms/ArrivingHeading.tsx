'use client';

import { useEffect, useRef, type ReactNode } from 'react';
import { Heading } from '@/components/ui/Heading';

/**
 * The heading of a page that becomes another one while it is open. Where what had the focus is gone by that, the heading takes
 * it, so that nobody is sent back to the top of the document. `of` names what the page is about right now.
 */
export function ArrivingHeading({ of, children }: { of: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef(of);
  useEffect(() => {
    if (shown.current === of) return;
    shown.current = of;
    if (document.activeElement === document.body) box.current?.querySelector('h1')?.focus();
  }, [of]);
  return (
    <div ref={box}>
      <Heading takesFocus>{children}</Heading>
    </div>
  );
}
