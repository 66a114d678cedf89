import { StartWay } from '@/app/users/start-way';
import { Notice } from '@/components/ui/Notice';
import type { Phone } from '@/lib/phone/parse';

/** What a STOP means for a number, and how to take it back: the one place of the page that says so. */
export function StoppedNotice({ phone, stopSender }: { phone: Phone; stopSender: string | null }) {
  return (
    <Notice tone="warning" title="Texts are stopped: this number replied STOP">
      <p>We send it nothing, not even codes, whatever is chosen below.</p>
      <StartWay phone={phone} stopSender={stopSender} />
    </Notice>
  );
}
