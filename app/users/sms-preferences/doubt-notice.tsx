import { sayDoubt } from '@/app/_format/phone-words';
import { Notice } from '@/components/ui/Notice';
import type { Doubt } from '@/lib/sms/numbers/doubt';

/** Why updates to a verified number wait, what stays as it is, and what to do. */
export function DoubtNotice({ doubt }: { doubt: Doubt }) {
  return (
    <Notice tone="warning" title="Verify this number again to get updates">
      <p>
        {sayDoubt(doubt)}{' '}
        {doubt.reason === 'out_of_service' ? 'This also happens when you change carriers. ' : null}
        We send no updates there until you verify it again.
      </p>
      <p>
        Your agreement and your choices stay as they are, and codes still go there. Not yours anymore? Change
        it below.
      </p>
    </Notice>
  );
}
