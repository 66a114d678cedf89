import { headers } from 'next/headers';
import { TextLink } from '@/components/ui/TextLink';
import { env } from '@/lib/env';
import { formatPhone } from '@/lib/phone/parse';
import { startPhone } from '@/lib/sms/capacity/sender';
import { isDevPhoneOpen } from '@/lib/sms/inbound/dev-phone';

/**
 * How to take a STOP back: a text of one word, which a phone can prepare. `stopSender`: what the STOP was sent to, if known.
 */
export async function StartWay({ phone, stopSender }: { phone: string; stopSender: string | null }) {
  const to = startPhone(env(), { stopSender });
  const hasDevPhone = isDevPhoneOpen(env(), await headers());
  return (
    <>
      <p>
        To get texts again, text <strong>START</strong> from it to{' '}
        {to === null ? (
          'the number our texts come from'
        ) : (
          <TextLink href={`sms:${to}?&body=START`}>{formatPhone(to)}</TextLink>
        )}
        .
      </p>
      {hasDevPhone ? (
        <p>
          Texts go to this computer’s console, so text it from the{' '}
          <TextLink href={`/dev/phone?number=${phone.slice(1)}`}>development phone</TextLink>.
        </p>
      ) : null}
    </>
  );
}
