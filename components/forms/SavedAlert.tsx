'use client';

import { useEffect } from 'react';
import { Alert } from '@/components/ui/Alert';

/** What has just been saved, as the address says. The address then forgets it, so that a reload does not say it again. */
export function SavedAlert({ title }: { title: string }) {
  // At each rendering: the same may be saved twice.
  useEffect(() => {
    if (location.search !== '') history.replaceState(null, '', location.pathname + location.hash);
  });
  return <Alert tone="success" title={title} />;
}
