'use client';

import { useEffect } from 'react';
import { Alert } from '@/components/ui/Alert';

/** What has just been saved, as the address says. The address then forgets it, so that a reload does not say it again. */
export function SavedAlert({
  title,
  tone = 'success',
}: {
  title: string;
  /** `warning`: it says what could not be done. */
  tone?: 'success' | 'warning';
}) {
  // At each rendering: the same may be saved twice.
  useEffect(() => {
    if (location.search !== '') history.replaceState(null, '', location.pathname + location.hash);
  });
  return <Alert tone={tone} title={title} />;
}
