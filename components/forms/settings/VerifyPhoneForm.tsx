import { Button } from '@/components/ui/Button';

/** One button that sends a code and leads to the code page. */
export function VerifyPhoneForm({ action }: { action: () => void | Promise<void> }) {
  return (
    <form action={action}>
      <Button>Verify my phone</Button>
    </form>
  );
}
