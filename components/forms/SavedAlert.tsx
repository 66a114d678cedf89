'use client';

import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Alert } from '@/components/ui/Alert';

/**
 * What has just been saved, as the address says. It takes the focus, so that screen readers say it. The address then forgets it,
 * so that a reload does not say it again. It goes once another form is sent, whose answer is elsewhere, and stays while the page
 * is read again by itself, where it is rendered without a title.
 */
export function SavedAlert({
  title,
  tone = 'success',
  children,
}: {
  title: string | undefined;
  /** `warning`: it says what could not be done; `info`: what was not asked for. */
  tone?: 'success' | 'warning' | 'info';
  /** More about it, where the page is not read again by itself. */
  children?: ReactNode;
}) {
  const around = useRef<HTMLDivElement>(null);
  const [said, setSaid] = useState({ title, tone });
  if (title !== undefined && (title !== said.title || tone !== said.tone)) setSaid({ title, tone });
  useEffect(() => {
    const hide = () => around.current?.toggleAttribute('hidden', true);
    document.addEventListener('submit', hide);
    return () => document.removeEventListener('submit', hide);
  }, []);
  // At each rendering: the same may be saved twice.
  useEffect(() => {
    if (title === undefined || location.search === '') return;
    around.current?.removeAttribute('hidden');
    around.current?.querySelector<HTMLElement>('[role]')?.focus();
    history.replaceState(null, '', location.pathname + location.hash);
  });
  if (said.title === undefined) return null;
  return (
    <div ref={around}>
      <Alert tone={said.tone} title={said.title}>
        {children}
      </Alert>
    </div>
  );
}
