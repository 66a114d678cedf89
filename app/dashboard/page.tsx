import type { Metadata } from 'next';
import { itemsOfApplications } from '@/app/applications/application-items';
import { applicationPath } from '@/app/applications/application-input';
import { StartLink } from '@/app/applications/start-link';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { PhoneState, type PhoneStateValue } from '@/components/sms/PhoneState';
import { TextLink } from '@/components/ui/TextLink';
import { VerifyPhoneForm } from '@/components/forms/settings/VerifyPhoneForm';
import { PasskeyOffer } from '@/components/forms/factors/PasskeyOffer';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { GraceNotice } from '@/app/users/security/two-factor/grace-notice';
import { nameDevice } from '@/app/users/security/device-words';
import { db } from '@/db/client';
import { isEnrolled } from '@/lib/accounts/factors';
import { readRequestContext, requireUser } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import type { MyApplication } from '@/lib/applications/my-applications';
import { readPasskeyOffer } from '@/lib/auth/two-factor/passkey-offer';
import { readDashboardPage } from '@/lib/reporting/dashboard-page';
import { formatPhone } from '@/lib/phone/parse';
import { type TextsState } from '@/lib/sms/preferences/text-switches';
import { isMailOn } from '@/lib/mail/outbox';
import { sendProofAction, startVerificationAction } from './actions';
import { acceptPasskeyAction, declinePasskeyAction } from './passkey-actions';

export const metadata: Metadata = { title: 'Dashboard' };

const shownApplications = 3;

export default async function DashboardPage({
  searchParams,
}: {
  searchParams: Promise<{ phone?: string | string[]; passkey?: string | string[] }>;
}) {
  const user = await requireUser('/dashboard');
  const { now, userAgent } = await readRequestContext();
  const [{ phone, texts, timeZone, proofs, applications }, passkeyOptions] = await Promise.all([
    readDashboardPage(db(), user, now),
    readPasskeyOffer(db(), user, now),
  ]);
  const updatesOn = texts.switches.enabled && texts.consent !== 'none' && !texts.stopped;
  const aboutMine = proofs.find(({ holder }) => holder.userId === user.userId);
  const asked = await searchParams;
  const isProtected = asked.phone === 'protected';
  return (
    <Page nav={<SiteNav page="/dashboard" />}>
      <HeadingGroup>
        <Heading>Hello, {user.name}</Heading>
        <Lead>Your account is open.</Lead>
      </HeadingGroup>
      {user.emailProvenAt === null && isMailOn() ? (
        <Notice title="Confirm your email">
          <Stack gap="small">
            <p>
              Open the link in our email to {user.email} to show that the address is yours. You can use your
              account meanwhile.
            </p>
            <ActionForm action={sendProofAction} label="Send the link again" />
          </Stack>
        </Notice>
      ) : null}
      {user.graceUntil !== null && !isEnrolled(user.role, user.factors) ? (
        <GraceNotice
          until={user.graceUntil}
          clock={{ timeZone: null, now }}
          href="/users/security/two-factor"
        />
      ) : null}
      {isProtected && phone.state !== 'verified' ? (
        <Notice tone="warning" title="Your code was right, but the number was not added">
          It belongs to another account, so we can’t move it to yours. Your account is open, and you can add
          another number.
        </Notice>
      ) : null}
      {aboutMine ? (
        <Notice tone="warning" title="Someone else received a code at your number">
          They entered a code sent to {aboutMine.maskedPhone}. Your number protects this account, so it stayed
          here. If it is no longer yours, <TextLink href="/users/sms-preferences#phone">change it</TextLink>.
          If it is, tell an admin: someone may be reading your texts.
        </Notice>
      ) : null}
      {user.role === 'admin' && proofs.length > 0 ? (
        <Notice tone="warning" title="Numbers to decide about">
          {proofs.length === 1 ? 'One protected number was' : `${proofs.length} protected numbers were`}{' '}
          proven by someone else. <TextLink href="/admin/numbers">Keep or release</TextLink>
        </Notice>
      ) : null}
      {asked.passkey === 'added' ? (
        <SavedAlert title="Your passkey was added. Next time, choose “Sign in with a passkey”." />
      ) : null}
      {passkeyOptions ? (
        <PasskeyOffer
          action={acceptPasskeyAction}
          declineAction={declinePasskeyAction}
          options={passkeyOptions}
          name={nameDevice(userAgent)}
        />
      ) : null}
      {user.role === 'applicant' ? (
        <>
          <NextNotice applications={applications} hearsByText={updatesOn && phone.state === 'verified'} />
          <Card>
            <Heading level={2}>Your applications</Heading>
            <EventList
              items={itemsOfApplications(applications.slice(0, shownApplications), { timeZone, now })}
              empty={
                env().nextStep === null
                  ? 'You have no applications yet.'
                  : 'You have no applications here. You apply on another site.'
              }
            />
            {applications.length > shownApplications ? (
              <TextLink href="/applications" standalone>
                All your applications
              </TextLink>
            ) : null}
            <StartLink isFirst={applications.length === 0} />
          </Card>
        </>
      ) : null}
      {user.role !== 'applicant' && applications.length > 0 ? (
        <Card>
          <Heading level={2}>Your own applications</Heading>
          <EventList
            items={itemsOfApplications(applications.slice(0, shownApplications), { timeZone, now })}
            empty="None."
          />
          <TextLink href="/applications" standalone>
            All your applications
          </TextLink>
        </Card>
      ) : null}
      <Card label="Your account">
        <FactList
          facts={[
            { term: 'Name', detail: user.name },
            { term: 'Email', detail: user.email },
            {
              term: 'Phone',
              detail: <PhoneState state={phone.state} phone={user.phone && formatPhone(user.phone)} />,
            },
            {
              term: 'Text updates',
              detail: sayTexts(texts, phone.state),
            },
          ]}
        />
      </Card>
      {phone.state === 'verified' ? null : (
        <Card label="Verify your phone">
          <Stack>
            <Heading level={2}>{invitation[phone.state].title}</Heading>
            <Text>{invitation[phone.state].words}</Text>
            {phone.state === 'none' ? (
              <LinkButton href="/users/verify-phone" variant="primary">
                Add my phone
              </LinkButton>
            ) : (
              <VerifyPhoneForm action={startVerificationAction} />
            )}
          </Stack>
        </Card>
      )}
    </Page>
  );
}

/** What an applicant has to do, or that there is nothing; where several applications wait for them, the latest comes first. */
function NextNotice({
  applications,
  hearsByText,
}: {
  applications: readonly MyApplication[];
  hearsByText: boolean;
}) {
  const asked = applications.find(({ status, isAnswered }) => status === 'documents_needed' && !isAnswered);
  if (asked) {
    return (
      <Notice tone="warning" title="We need something from you">
        <p>
          Before we can go on with <TextLink href={applicationPath(asked.id)}>{asked.title}</TextLink>, read
          what we need and answer.
        </p>
      </Notice>
    );
  }
  const hears = hearsByText ? 'you will see it here, and we will text you.' : 'you will see it here.';
  if (applications.some(({ status }) => underWay.has(status))) {
    return (
      <Notice title="What happens next">
        <p>There is nothing you need to do. When your application moves forward, {hears}</p>
      </Notice>
    );
  }
  const draft = applications.find(({ status }) => status === 'draft');
  if (draft) {
    return (
      <Notice title="What happens next">
        <p>
          Nobody but you has seen your draft{' '}
          <TextLink href={applicationPath(draft.id)}>{draft.title}</TextLink>. Submit it when it is ready.
        </p>
      </Notice>
    );
  }
  if (applications.length > 0 || env().nextStep !== null) return null;
  return (
    <Notice title="What happens next">
      <p>Start an application when you are ready. When it moves forward, {hears}</p>
    </Notice>
  );
}

const underWay: ReadonlySet<MyApplication['status']> = new Set([
  'submitted',
  'in_review',
  'documents_needed',
]);

const invitation: Record<Exclude<PhoneStateValue, 'verified'>, { title: string; words: string }> = {
  none: {
    title: 'Add your phone',
    words: 'With a verified phone we can text you when something changes, and you can prove that it is you.',
  },
  unverified: {
    title: 'Verify your phone',
    words: 'We text a six-digit code to your number. Until it is verified, you won’t get updates there.',
  },
  moved: {
    title: 'Verify your phone again',
    words:
      'Someone else verified this number, so we stopped texting it for you. If it is still yours, verify it again.',
  },
};

function sayTexts(texts: TextsState, state: PhoneStateValue): string {
  if (!texts.switches.enabled) return 'Off';
  if (texts.stopped) return 'Stopped: this number texted STOP. Text START to undo that.';
  if (texts.consent === 'none') return 'Off, until you agree to them again in your settings';
  return state === 'verified' ? 'On' : 'On, once your phone is verified';
}
