import { StartWays } from '@/app/users/start-ways';
import { Notice } from '@/components/ui/Notice';
import type { Phone } from '@/lib/phone/parse';
import type { StoppedTexts } from '@/lib/sms/numbers/opted-out';
import type { StartWay } from '@/lib/sms/numbers/read-starts';

/** What a STOP means for a number, and how to take it back: the one place of the page that says so. */
export function StoppedNotice({
  phone,
  stopped,
  starts,
}: {
  phone: Phone;
  stopped: StoppedTexts;
  starts: readonly StartWay[];
}) {
  const { title, words } = said[stopped];
  return (
    <Notice tone="warning" title={title}>
      <p>{words}</p>
      <StartWays phone={phone} starts={starts} />
    </Notice>
  );
}

const said: Record<StoppedTexts, { title: string; words: string }> = {
  all: {
    title: 'Texts are stopped: this number replied STOP',
    words: 'We send it nothing, not even codes, whatever is chosen below.',
  },
  updates: {
    title: 'Text updates are stopped: this number replied STOP',
    words:
      'We send it no updates, whatever is chosen below. Codes come from another number of ours: you can still ask for one.',
  },
  codes: {
    title: 'Codes are stopped: this number replied STOP to the number they come from',
    words: 'We send it no codes. Updates come from another number of ours, and are as chosen below.',
  },
};
