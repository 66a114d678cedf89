import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { signOutAction } from '@/app/users/login/actions';
import { sayPhoneHint } from '@/app/_format/phone-words';
import { sayMinuteOfDay } from '@/app/_format/say-moment';
import { sayAt, sayWhen } from '@/app/_format/say-when';
import { SiteNav } from '@/app/site-nav';
import { StartWays } from '@/app/users/start-ways';
import { ArrivingHeading } from '@/components/sms/ArrivingHeading';
import { ArrivingNotice } from '@/components/sms/ArrivingNotice';
import { Card } from '@/components/ui/Card';
import { CodeForm } from '@/components/forms/code/CodeForm';
import { ContinueWithoutForm } from '@/components/forms/code/ContinueWithoutForm';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { NavBar } from '@/components/ui/NavBar';
import { Notice } from '@/components/ui/Notice';
import { NumberForm } from '@/components/forms/settings/NumberForm';
import { NumberInUse } from '@/components/sms/NumberInUse';
import { Page } from '@/components/ui/Page';
import { SendAgainForm } from '@/components/forms/code/SendAgainForm';
import { SignOutForm } from '@/components/forms/SignOutForm';
import { SmsStatus } from '@/components/sms/SmsStatus';
import { TextLink } from '@/components/ui/TextLink';
import { LocalTime } from '@/components/ui/time/LocalTime';
import { db } from '@/db/client';
import { readCodePage } from '@/lib/auth/registration/code-page';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { networkOf } from '@/lib/client-address';
import { currentWording } from '@/lib/consent/current-wording';
import { formatPhone } from '@/lib/phone/parse';
import { hearsCodes, type VerificationState } from '@/lib/sms/verification/state';
import { checkCodeAction, continueWithoutAction, replaceNumberAction, sendAgainAction } from './actions';
import { chooseMainAct, sayClosed, sayHeading, sayWhereCodeIs, waitsLong } from './main-act';
import { requireProver } from './require-prover';
import { sayOthers, sayTextState, sayUndeliverable, wayOnOf } from './text-words';

export const metadata: Metadata = { title: 'Verify your phone' };

/** Shows how far a verification is. A reload or Back only reads. */
export default async function VerifyPhonePage() {
  const prover = await requireProver();
  const pending = prover.purpose === 'activate';
  const { now, address } = await readRequestContext();
  const numberForm = { action: replaceNumberAction, wording: currentWording(), phoneHint: sayPhoneHint() };
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
          <NumberForm {...numberForm} isMain phone={prover.phone} />
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
  const number = formatPhone(phone);
  const serverNow = now.toISOString();
  const say = (at: Date | null) => at && { at: at.toISOString(), words: sayAt(at, now, timeZone) };
  const nextAt = state.tries.retryAt ?? state.sends.retryAt;
  const wayOn = wayOnOf(prover);
  const others = sayOthers(state, { when: nextAt && sayWhen(nextAt, now, timeZone), wayOn });
  const whyNew =
    others ?? sayClosed(state, state.tries.retryAt && sayWhen(state.tries.retryAt, now, timeZone));
  const offerSkip = state.skipAt <= now;
  const asks = chooseMainAct(state);
  const leadsOn = wayOn !== 'none' && waitsLong(asks, nextAt, now);
  const isOut = state.text.status === 'sent' || state.text.status === 'delivered';
  const whereCodeIs = sayWhereCodeIs(state, asks);
  const changesNumber = !prover.changesFrom && !page.isHeld;
  return (
    <Page nav={nav}>
      <HeadingGroup>
        <ArrivingHeading of={`${asks} ${phone}`}>{sayHeading(state, asks)}</ArrivingHeading>
        <Lead>
          {state.challenge === null || whereCodeIs === null ? (
            page.isHeld ? (
              'Enter a new code to show that this number is still yours.'
            ) : (
              'Your number is not verified yet.'
            )
          ) : (
            <>
              {whereCodeIs} The code expires at{' '}
              <LocalTime
                at={state.challenge.expiresAt.toISOString()}
                words={sayMinuteOfDay(state.challenge.expiresAt, timeZone)}
              />
              .
            </>
          )}
        </Lead>
      </HeadingGroup>
      <Card>
        <Stack>
          {changesNumber && asks !== 'number' ? (
            <NumberForm
              {...numberForm}
              key={phone}
              beside={<NumberInUse phone={number} />}
              summary="Change number"
              label="New phone number"
              phone={phone}
              idPrefix="other-"
            />
          ) : (
            <NumberInUse phone={number} />
          )}
          {asks === 'number' && state.blocked === 'undeliverable' && !hearsCodes(state) ? (
            <ArrivingNotice title="This number cannot receive texts">
              {sayUndeliverable(nextAt && sayWhen(nextAt, now, timeZone), wayOn)}
            </ArrivingNotice>
          ) : null}
          {asks === 'new_code' && whyNew !== null ? (
            <ArrivingNotice title={others ? 'A new code has to wait' : 'You need a new code'}>
              {whyNew}
            </ArrivingNotice>
          ) : null}
          <SmsStatus
            status={state.text.status}
            detail={sayTextState(state.text, wayOn)}
            offerSkip={offerSkip}
            hearsCodes={hearsCodes(state)}
            isUnsent={state.challenge === null && state.closed === null}
            hidden={!hearsCodes(state) && (isOut || state.blocked === 'undeliverable')}
            statusUrl="/users/verify-phone/status"
            latestHref="/users/verify-phone"
          >
            {state.text.status === 'stopped' ? <StartWays phone={phone} starts={page.starts} /> : null}
          </SmsStatus>
          {asks === 'code' ? (
            <>
              <CodeForm action={checkCodeAction} tries={sayTries(state)}>
                {/* Not of type "hidden": the bench reads those of one page, and sends them for several people. */}
                <input type="text" name="shownPhone" value={phone} autoComplete="off" hidden readOnly />
              </CodeForm>
              {others ? <Notice>{others}</Notice> : null}
            </>
          ) : null}
          {/* A text that cannot arrive is not offered: the words say why, and what can be done. */}
          {asks === 'number' || state.blocked ? null : (
            <SendAgainForm
              action={sendAgainAction}
              isNew={asks === 'new_code'}
              waitsLong={leadsOn}
              availableAt={say(state.sends.retryAt)}
              serverNow={serverNow}
              sendsLeft={state.sends.remaining}
            />
          )}
          {changesNumber && asks === 'number' ? (
            <NumberForm
              {...numberForm}
              key={phone}
              isMain
              label="New phone number"
              phone={state.blocked === 'stopped' ? phone : null}
              idPrefix="other-"
            />
          ) : null}
          {page.isHeld && asks === 'number' ? (
            <LinkButton href="/users/sms-preferences#phone" variant="primary" wide>
              Change your number
            </LinkButton>
          ) : null}
          {page.isHeld && asks !== 'number' ? (
            <Text quiet>
              Not yours anymore? <TextLink href="/users/sms-preferences#phone">Change your number</TextLink>
            </Text>
          ) : null}
          {prover.changesFrom ? (
            <>
              {asks === 'number' ? (
                <LinkButton href="/users/sms-preferences#phone" variant="primary" wide>
                  Use another number, or keep the old one
                </LinkButton>
              ) : null}
              <Text quiet>
                Until this code is right, {formatPhone(prover.changesFrom)} stays your number.{' '}
                {asks === 'number' ? null : (
                  <TextLink href="/users/sms-preferences#phone">
                    Use another number, or keep the old one
                  </TextLink>
                )}
              </Text>
            </>
          ) : null}
        </Stack>
      </Card>
      {pending && prover.role === 'applicant' ? (
        <ContinueWithoutForm
          action={continueWithoutAction}
          availableAt={offerSkip ? null : say(state.skipAt)}
          serverNow={serverNow}
          isDelivered={state.text.status === 'delivered'}
          isMain={leadsOn}
        />
      ) : null}
      {pending ? null : leadsOn ? (
        <LinkButton href="/dashboard" variant="primary" wide>
          Not now
        </LinkButton>
      ) : (
        <Text quiet>
          <TextLink href="/dashboard">Not now</TextLink>
        </Text>
      )}
    </Page>
  );
}

function sayTries({ tries }: VerificationState): string {
  return tries.remaining === 1 ? '1 try left.' : `${tries.remaining} tries left.`;
}
