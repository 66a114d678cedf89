import { headers } from 'next/headers';
import { TextLink } from '@/components/ui/TextLink';
import { env } from '@/lib/env';
import { formatPhone } from '@/lib/phone/parse';
import { isDevPhoneOpen } from '@/lib/sms/inbound/dev-phone';
import type { StoppedTexts } from '@/lib/sms/numbers/opted-out';
import type { StartWay } from '@/lib/sms/numbers/read-starts';

const wanted: Record<StoppedTexts, string> = { all: 'texts', updates: 'updates', codes: 'codes' };

/** How to take a STOP back: a text of one word to each sender that was told STOP, which a phone can prepare. */
export async function StartWays({ phone, starts }: { phone: string; starts: readonly StartWay[] }) {
  const hasDevPhone = isDevPhoneOpen(env(), await headers());
  return (
    <>
      {starts.map(({ lifts, phone: to }) => (
        <p key={lifts}>
          To get {wanted[lifts]} again, text <strong>START</strong> from it to{' '}
          {to === null ? (
            unknownNumber[lifts]
          ) : (
            <TextLink href={`sms:${to}?&body=START`}>{formatPhone(to)}</TextLink>
          )}
          .
        </p>
      ))}
      {hasDevPhone ? (
        <p>
          Texts go to this computer’s console, so text it from the{' '}
          <TextLink href={`/dev/phone?number=${phone.slice(1)}`}>development phone</TextLink>.
        </p>
      ) : null}
    </>
  );
}

const unknownNumber: Record<StoppedTexts, string> = {
  all: 'the number our texts come from',
  updates: 'the number our updates come from',
  codes: 'the number our codes come from',
};
