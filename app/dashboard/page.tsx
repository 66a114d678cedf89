import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { FactList } from '@/components/ui/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { PhoneState, type PhoneStateValue } from '@/components/sms/PhoneState';
import { TextLink } from '@/components/ui/TextLink';
import { VerifyPhoneForm } from '@/components/forms/VerifyPhoneForm';
import { db } from '@/db/client';
import { requireUser } from '@/lib/auth/session';
import { listProtectedProofs } from '@/lib/reporting/protected-numbers';
import { formatPhone } from '@/lib/phone/parse';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { readTextsState } from '@/lib/sms/preferences/text-switches';
import { type TextsState } from '@/lib/sms/preferences/text-switches';
import { startVerificationAction } from './actions';

export const metadata: Metadata = { title: 'Dashboard' };

export default async function DashboardPage({
  searchParams,
}: {
  searchParams: Promise<{ phone?: string | string[] }>;
}) {
  const user = await requireUser('/dashboard');
  const phone = await readPhoneState(db(), user);
  const texts = await readTextsState(db(), user);
  const updatesOn = texts.switches.enabled && texts.consent !== 'none' && !texts.stopped;
  const proofs =
    user.role === 'applicant'
      ? []
      : await listProtectedProofs(db(), {
          holderUserId: user.role === 'admin' ? null : user.userId,
          now: new Date(),
        });
  const aboutMine = proofs.find(({ holder }) => holder.userId === user.userId);
  const isProtected = (await searchParams).phone === 'protected';
  return (
    <Page nav={<SiteNav page="/dashboard" />}>
      <HeadingGroup>
        <Heading>Hello, {user.name}</Heading>
        <Lead>Your account is open.</Lead>
      </HeadingGroup>
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
      {user.role === 'applicant' ? (
        <Notice title="What happens next">
          {phone.state === 'verified' ? 'There is nothing you need to do. ' : null}
          When one of your applications moves forward, you will see it here
          {updatesOn && phone.state === 'verified' ? ', and we will text you.' : '.'}
        </Notice>
      ) : null}
    </Page>
  );
}

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
