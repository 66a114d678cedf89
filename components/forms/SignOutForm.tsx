import { Button, type ButtonVariant } from '@/components/ui/Button';

/** One button that ends this browser's session. */
export function SignOutForm({
  action,
  variant = 'quiet',
}: {
  action: (formData: FormData) => void | Promise<void>;
  variant?: ButtonVariant;
}) {
  return (
    <form action={action}>
      <Button variant={variant}>Sign out</Button>
    </form>
  );
}
