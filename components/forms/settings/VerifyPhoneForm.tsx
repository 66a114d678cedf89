import { Button } from '@/components/ui/Button';

/** One button that sends a code and leads to the code page; a lesser one, beside what a page is for. */
export function VerifyPhoneForm({ action }: { action: () => void | Promise<void> }) {
  return (
    <form action={action}>
      <Button variant="secondary">Verify my phone</Button>
    </form>
  );
}
