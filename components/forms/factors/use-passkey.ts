'use client';

import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/browser';
import { useRef, useState, type RefObject } from 'react';
import { useHydrated } from '@/components/ui/use-hydrated';

/** A form whose hidden field `passkey` is filled in by an authenticator before it is sent. */
export type PasskeyCeremony = {
  form: RefObject<HTMLFormElement | null>;
  /** What went wrong in the browser, in words; null: nothing. */
  problem: string | null;
  /** The person is looking at the browser's own window. */
  waiting: boolean;
  /** Asks the browser, puts its answer into the field and sends the form. */
  ask: () => Promise<void>;
  /** Sends an answer that the browser gave by itself. */
  send: (answer: unknown) => void;
};

/** Whether this browser can make and use passkeys: false without JavaScript, and in the first render. */
export function useKnowsPasskeys(): boolean {
  return useHydrated() && 'PublicKeyCredential' in window;
}

/** Lets the browser make a passkey. Out: its answer. */
export async function makePasskey(optionsJSON: PublicKeyCredentialCreationOptionsJSON): Promise<unknown> {
  const { startRegistration } = await import('@simplewebauthn/browser');
  return startRegistration({ optionsJSON });
}

/**
 * Lets the browser make or use a passkey and sends its answer along. In: `ceremony`, which asks the browser and gives its answer.
 * Whoever closes the browser's window gets words and can ask again; nothing was sent.
 */
export function usePasskey(ceremony: () => Promise<unknown>): PasskeyCeremony {
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [waiting, setWaiting] = useState(false);

  async function ask(): Promise<void> {
    setProblem(null);
    setWaiting(true);
    try {
      send(await ceremony());
    } catch (error) {
      setProblem(explain(error));
    } finally {
      setWaiting(false);
    }
  }

  function send(answer: unknown): void {
    const field = form.current?.elements.namedItem('passkey');
    if (!(field instanceof HTMLInputElement)) return;
    field.value = JSON.stringify(answer);
    form.current?.requestSubmit();
  }
  return { form, problem, waiting, ask, send };
}

/** What browsers say when a passkey is not made or used (WebAuthn 5.1.3, 5.1.4). */
function explain(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'InvalidStateError') return 'This device has a passkey for your account already.';
  if (name === 'NotAllowedError' || name === 'AbortError') {
    return 'No passkey was used. Try again, or use another way.';
  }
  return 'This browser could not use a passkey here. Try again, or use another way.';
}
