import { Moment } from '@/app/_format/moment';
import { sayPhoneHint } from '@/app/_format/phone-words';
import type { Clock } from '@/app/_format/say-moment';
import { ActionForm } from '@/components/forms/ActionForm';
import { CodeForm } from '@/components/forms/code/CodeForm';
import { TextCodeForm } from '@/components/forms/factors/TextCodeForm';
import { NumberForm } from '@/components/forms/settings/NumberForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { currentWording } from '@/lib/consent/current-wording';
import type { FactorsPage } from '@/lib/auth/two-factor/factors-page';
import { addFactorPhoneAction, beginSmsAction, finishSmsAction, removeSmsAction } from './sms-actions';

/** Codes by text as a second factor: allowed, with the risk said, and not for admins. */
export function SmsCard({ sms, clock }: { sms: NonNullable<FactorsPage['sms']>; clock: Clock }) {
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2} id="texts">
          Codes by text
        </Heading>
        <Text quiet>We text you a six-digit code each time you sign in.</Text>
      </HeadingGroup>
      <Notice tone="warning">
        <p>
          The weakest of the three: someone who talks your carrier into moving your number gets the codes. Use
          a passkey or an app if you can.
        </p>
      </Notice>
      <Body sms={sms} clock={clock} />
    </Card>
  );
}

function Body({ sms, clock }: { sms: NonNullable<FactorsPage['sms']>; clock: Clock }) {
  if (sms.since !== null) {
    return (
      <Stack>
        <Text>
          On for {sms.maskedPhone}, since <Moment at={sms.since} clock={clock} />.
        </Text>
        <ActionForm action={removeSmsAction} label="Turn off codes by text" variant="danger" />
      </Stack>
    );
  }
  if (!sms.isVerified) {
    return (
      <Stack>
        <Text>
          {sms.maskedPhone
            ? `Verify your number ${sms.maskedPhone}, or another one, first.`
            : 'Verify a phone number first.'}
        </Text>
        <NumberForm
          action={addFactorPhoneAction}
          wording={currentWording()}
          phoneHint={sayPhoneHint()}
          idPrefix="factor-"
        />
      </Stack>
    );
  }
  return (
    <Stack>
      <TextCodeForm action={beginSmsAction} wording={currentWording()} note={`To ${sms.maskedPhone}.`} />
      {sms.isUnderWay ? (
        <CodeForm
          action={finishSmsAction}
          label="Code from the text"
          submitLabel="Turn on codes by text"
          autoFocus={false}
          idPrefix="sms-"
        />
      ) : null}
    </Stack>
  );
}
