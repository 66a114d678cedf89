'use client';

import { usePathname } from 'next/navigation';
import { useEffect, useRef } from 'react';

/** Whether a script has led on since the document was loaded, whose own beginning a browser reads by itself. */
let isLedOn = false;

/**
 * Puts the focus where a page begins that a script has led to, where what had it is gone and the page has nothing that takes it
 * itself: else a screen reader says nothing, and the next Tab starts at the top of the document.
 */
export function FocusOnArrival() {
  const path = usePathname();
  const shown = useRef(path);
  useEffect(() => {
    isLedOn = true;
    if (shown.current === path) return;
    shown.current = path;
    focusBeginning();
  }, [path]);
  return null;
}

/** The same for what takes the place of a form under the address of its page. */
export function FocusOnOutcome() {
  useEffect(() => {
    if (isLedOn) focusBeginning();
  }, []);
  return null;
}

function focusBeginning(): void {
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  const named = location.hash === '' ? null : document.getElementById(location.hash.slice(1));
  const start = named ?? document.querySelector('h1');
  if (!(start instanceof HTMLElement)) return;
  if (start.tabIndex < 0) start.tabIndex = -1;
  start.focus({ preventScroll: true });
}
