import type { ReactNode } from 'react';
import { CodeForm } from '@/components/forms/code/CodeForm';
import { PasskeyForm } from '@/components/forms/factors/PasskeyForm';
import { RecoveryCodeForm } from '@/components/forms/factors/RecoveryCodeForm';
import { TextCodeForm, type TextCodeField } from '@/components/forms/factors/TextCodeForm';
import type { FormAction } from '@/components/forms/form-state';
import { Card } from '@/components/ui/Card';
import { Disclosure } from '@/components/ui/Disclosure';
import { currentWording } from '@/lib/consent/current-wording';
import type { FactorChoice } from '@/lib/auth/two-factor/second-factor-page';

/** The ways to show a second factor that someone has, a card each. `next` goes along with all of them: where to go afterwards. */
export function FactorCards({
  choice: { factors, passkeyOptions, maskedPhone, hasRecoveryCodes },
  actions,
  next,
  submitLabel,
  recoveryHint,
  besideCode,
}: {
  choice: FactorChoice;
  actions: {
    passkey: FormAction<never>;
    code: FormAction<'code'>;
    text: FormAction<TextCodeField>;
    recoveryCode: FormAction<'recoveryCode'>;
  };
  next: string;
  submitLabel: string;
  recoveryHint?: string;
  /** What there is to choose below the code, which then does not send itself. */
  besideCode?: ReactNode;
}) {
  const along = <input type="hidden" name="next" value={next} />;
  const textCard = maskedPhone ? (
    <Card>
      <TextCodeForm
        action={actions.text}
        wording={currentWording()}
        fields={{ next }}
        note={`To ${maskedPhone}. Then enter it ${factors.totp ? 'above' : 'below'}.`}
      />
    </Card>
  ) : null;
  return (
    <>
      {passkeyOptions ? (
        <Card>
          <PasskeyForm action={actions.passkey} options={passkeyOptions} variant="primary">
            {along}
          </PasskeyForm>
        </Card>
      ) : null}
      {factors.totp ? null : textCard}
      {factors.totp || factors.sms ? (
        <Card>
          <CodeForm
            action={actions.code}
            hint={factors.totp ? 'From your authenticator app. It changes every 30 seconds.' : undefined}
            submitLabel={submitLabel}
            sendsItself={besideCode === undefined}
          >
            {along}
            {besideCode}
          </CodeForm>
        </Card>
      ) : null}
      {factors.totp ? textCard : null}
      {hasRecoveryCodes ? (
        <Card>
          <Disclosure summary="Use a recovery code">
            <RecoveryCodeForm action={actions.recoveryCode} hint={recoveryHint} submitLabel={submitLabel}>
              {along}
            </RecoveryCodeForm>
          </Disclosure>
        </Card>
      ) : null}
    </>
  );
}
