import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { signOutAction } from '@/app/users/login/actions';
import { sayMinuteOfDay } from '@/app/_format/say-moment';
import { sayAt, sayWhen } from '@/app/_format/say-when';
import { SiteNav } from '@/app/site-nav';
import { ArrivingNotice } from '@/components/sms/ArrivingNotice';
import { Card } from '@/components/ui/Card';
import { CodeForm } from '@/components/forms/code/CodeForm';
import { ContinueWithoutForm } from '@/components/forms/code/ContinueWithoutForm';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { NavBar } from '@/components/ui/NavBar';
import { Notice } from '@/components/ui/Notice';
import { NumberForm } from '@/components/forms/settings/NumberForm';
import { Page } from '@/components/ui/Page';
import { SendAgainForm } from '@/components/forms/code/SendAgainForm';
import { SignOutForm } from '@/components/forms/SignOutForm';
import { SmsStatus } from '@/components/sms/SmsStatus';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { readCodePage } from '@/lib/auth/registration/code-page';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { networkOf } from '@/lib/client-address';
import { currentWording } from '@/lib/consent/current-wording';
import { env } from '@/lib/env';
import { formatPhone, maskPhone } from '@/lib/phone/parse';
import { senderPhone } from '@/lib/sms/capacity/sender';
import { type VerificationState } from '@/lib/sms/verification/state';
import { checkCodeAction, continueWithoutAction, replaceNumberAction, sendAgainAction } from './actions';
import { requireProver } from './require-prover';
import { codeLife, sayOthers, sayTextState, sayUndeliverable, wayOnOf } from './text-words';

export const metadata: Metadata = { title: 'Verify your phone' };

/** Shows how far a verification is. A reload or Back only reads. */
export default async function VerifyPhonePage() {
  const prover = await requireProver();
  const pending = prover.purpose === 'activate';
  const { now, address } = await readRequestContext();
  const numberForm = { action: replaceNumberAction, wording: currentWording() };
  const nav = pending ? (
    <NavBar>
      <SignOutForm action={signOutAction} />
    </NavBar>
  ) : (
    <SiteNav part="/users/sms-preferences" />
  );

  const page = await readCodePage(db(), prover, networkOf(address), now);
  if (page.shows === 'verified') redirect('/dashboard');
  if (page.shows === 'number') {
    return (
      <Page nav={nav}>
        <HeadingGroup>
          <Heading>Verify your phone</Heading>
          <Lead>We will text you a six-digit code to make sure the number is yours.</Lead>
        </HeadingGroup>
        <Card>
          <NumberForm {...numberForm} phone={prover.phone} />
        </Card>
        {pending ? (
          <ContinueWithoutForm
            action={continueWithoutAction}
            availableAt={null}
            serverNow={now.toISOString()}
          />
        ) : (
          <Text quiet>
            <TextLink href="/dashboard">Not now</TextLink>
          </Text>
        )}
      </Page>
    );
  }

  const { phone, state, timeZone } = page;
  const serverNow = now.toISOString();
  const say = (at: Date | null) => at && { at: at.toISOString(), words: sayAt(at, now, timeZone) };
  const nextAt = state.tries.retryAt ?? state.sends.retryAt;
  const wayOn = wayOnOf(prover);
  const others = sayOthers(state, { when: nextAt && sayWhen(nextAt, now, timeZone), wayOn });
  const offerSkip = state.skipAt <= now;
  const hearsCodes = state.challenge !== null && state.tries.remaining > 0;
  const isOut = state.text.status === 'sent' || state.text.status === 'delivered';
  const status = (
    <SmsStatus
      status={state.text.status}
      detail={sayTextState(state.text, wayOn)}
      offerSkip={offerSkip}
      hidden={!hearsCodes && (isOut || state.blocked === 'undeliverable')}
      statusUrl="/users/verify-phone/status"
      latestHref="/users/verify-phone"
    >
      {state.text.status === 'stopped' ? <StartLink /> : null}
    </SmsStatus>
  );
  // A text that cannot arrive is not offered: the words beside it say why, and what can be done.
  const sendAgain = state.blocked ? null : (
    <SendAgainForm
      action={sendAgainAction}
      isNew={!hearsCodes}
      availableAt={say(state.sends.retryAt)}
      serverNow={serverNow}
      sendsLeft={state.sends.remaining}
    />
  );
  return (
    <Page nav={nav}>
      <HeadingGroup>
        <Heading>
          {hearsCodes ? 'Enter the code' : state.blocked ? 'Verify your phone' : 'Get a new code'}
        </Heading>
        <Lead>
          {state.challenge ? (
            <>
              {isOut ? 'We texted a six-digit code to' : 'Enter the six-digit code we text to'}{' '}
              {maskPhone(phone)}. It expires at{' '}
              <time dateTime={state.challenge.expiresAt.toISOString()}>
                {sayMinuteOfDay(state.challenge.expiresAt, timeZone)}
              </time>
              .
            </>
          ) : (
            `Your phone ${maskPhone(phone)} is not verified yet.`
          )}
        </Lead>
      </HeadingGroup>
      <Card>
        <Stack>
          {hearsCodes ? (
            <>
              {status}
              <CodeForm action={checkCodeAction} hint={sayTries(state)} />
              {others ? <Notice>{others}</Notice> : null}
              {sendAgain}
            </>
          ) : state.blocked ? (
            <>
              {state.blocked === 'undeliverable' ? (
                <ArrivingNotice title="This number cannot receive texts">
                  {sayUndeliverable(nextAt && sayWhen(nextAt, now, timeZone), wayOn)}
                </ArrivingNotice>
              ) : null}
              {status}
            </>
          ) : (
            <>
              <ArrivingNotice title={others ? 'A new code has to wait' : 'You need a new code'}>
                {others ??
                  (state.tries.retryAt
                    ? `Too many wrong codes were entered for this number. You can try again ${sayWhen(state.tries.retryAt, now, timeZone)}.`
                    : closedWords[state.closed ?? 'ended'])}
              </ArrivingNotice>
              {sendAgain}
              {status}
            </>
          )}
          {prover.changesFrom ? (
            <Text quiet>
              Until this code is right, {maskPhone(prover.changesFrom)} stays your number.{' '}
              <TextLink href="/users/sms-preferences#phone">Use another number, or keep the old one</TextLink>
            </Text>
          ) : (
            <NumberForm
              {...numberForm}
              summary={state.blocked && !hearsCodes ? undefined : 'Wrong number?'}
              label="New phone number"
              idPrefix="other-"
            />
          )}
        </Stack>
      </Card>
      {pending && prover.role === 'applicant' ? (
        <ContinueWithoutForm
          action={continueWithoutAction}
          availableAt={offerSkip ? null : say(state.skipAt)}
          serverNow={serverNow}
        />
      ) : null}
      {pending ? null : (
        <Text quiet>
          <TextLink href="/dashboard">Not now</TextLink>
        </Text>
      )}
    </Page>
  );
}

/** How to lift a STOP: a text of one word, which a phone can prepare. */
function StartLink() {
  const { smsBackend } = env();
  if (smsBackend === 'console')
    return <TextLink href="/dev/phone">Text START from the development phone</TextLink>;
  const sender = senderPhone(env());
  return sender ? (
    <TextLink href={`sms:${sender}?body=START`}>Text START to {formatPhone(sender)}</TextLink>
  ) : null;
}

const closedWords: Record<NonNullable<VerificationState['closed']>, string> = {
  tries_spent: 'Five wrong codes were entered, so the last code no longer works.',
  expired: `The last code has expired. ${codeLife}`,
  ended: 'The last code no longer works.',
};

function sayTries({ tries }: VerificationState): string {
  return tries.remaining === 1 ? '1 try left.' : `${tries.remaining} tries left.`;
}
