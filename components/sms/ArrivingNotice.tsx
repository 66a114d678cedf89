'use client';

import { useState, type ReactNode } from 'react';
import { Alert } from '@/components/ui/Alert';
import { Notice } from '@/components/ui/Notice';
import { useHydrated } from '@/components/ui/use-hydrated';

/**
 * A warning that takes the place of what a person was using. Where it comes onto a page that is open, it takes the focus, which
 * was lost with what it replaces, and is announced; on a page that begins with it, it is a part like any other.
 */
export function ArrivingNotice({ title, children }: { title: ReactNode; children: ReactNode }) {
  const hydrated = useHydrated();
  const [arrived] = useState(hydrated);
  return arrived ? (
    <Alert tone="warning" title={title} focusOn="arrival">
      {children}
    </Alert>
  ) : (
    <Notice tone="warning" title={title}>
      {children}
    </Notice>
  );
}
