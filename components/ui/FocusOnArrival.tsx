'use client';

import { usePathname } from 'next/navigation';
import { useEffect, useRef } from 'react';

/**
 * Puts the focus where a page begins that a script has led to, where what had it is gone and the page has nothing that takes it
 * itself: else a screen reader says nothing, and the next Tab starts at the top of the document.
 */
export function FocusOnArrival() {
  const path = usePathname();
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    const named = location.hash === '' ? null : document.getElementById(location.hash.slice(1));
    const start = named ?? document.querySelector('h1');
    if (!(start instanceof HTMLElement)) return;
    if (start.tabIndex < 0) start.tabIndex = -1;
    start.focus({ preventScroll: true });
  }, [path]);
  return null;
}
