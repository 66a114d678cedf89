'use client';

import { useId, useRef, type ReactNode } from 'react';
import { Button, type ButtonVariant } from './Button';
import styles from './Dialog.module.css';
import { LinkButton } from './LinkButton';

/**
 * The browser's own modal dialog behind a trigger. Without JavaScript the trigger leads to `fallbackHref`, a page
 * with the same content.
 */
export function Dialog({
  trigger,
  triggerVariant = 'secondary',
  fallbackHref,
  title,
  closeLabel = 'Cancel',
  children,
}: {
  trigger: ReactNode;
  triggerVariant?: ButtonVariant;
  fallbackHref: string;
  title: string;
  closeLabel?: string;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  return (
    <>
      <LinkButton
        href={fallbackHref}
        variant={triggerVariant}
        aria-haspopup="dialog"
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || !dialog.current) return;
          event.preventDefault();
          dialog.current.showModal();
        }}
      >
        {trigger}
      </LinkButton>
      <dialog
        ref={dialog}
        className={styles.dialog}
        aria-labelledby={titleId}
        onClick={(event) => {
          if (event.target === event.currentTarget) event.currentTarget.close();
        }}
      >
        <div className={styles.body}>
          <h2 className={styles.title} id={titleId}>
            {title}
          </h2>
          {children}
          <Button type="button" variant="quiet" wide onClick={() => dialog.current?.close()}>
            {closeLabel}
          </Button>
        </div>
      </dialog>
    </>
  );
}
