'use client';

import { Button, type ButtonVariant } from '@/components/ui/Button';
import { forgetAllTyping } from './kept-typing';

/** One button that ends this browser's session, and forgets what was typed and not saved in this tab. */
export function SignOutForm({
  action,
  variant = 'quiet',
}: {
  action: (formData: FormData) => void | Promise<void>;
  variant?: ButtonVariant;
}) {
  return (
    <form action={action} onSubmit={() => forgetAllTyping()}>
      <Button variant={variant}>Sign out</Button>
    </form>
  );
}
