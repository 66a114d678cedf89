'use client';

import { Button } from './Button';
import { useHydrated } from './use-hydrated';

/** Opens the browser's print dialog; without JavaScript the browser's own menu does. */
export function PrintButton({ children }: { children: string }) {
  if (!useHydrated()) return null;
  return (
    <Button type="button" variant="secondary" onClick={() => window.print()}>
      {children}
    </Button>
  );
}
