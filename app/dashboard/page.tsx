import type { Metadata } from 'next';
import { itemsOfApplications } from '@/app/applications/application-items';
import { StartLink } from '@/app/applications/start-link';
import { SiteNav } from '@/app/site-nav';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Columns } from '@/components/ui/Columns';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { TaskList } from '@/components/ui/lists/TaskList';
import { Heading, Stack } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { PhoneState } from '@/components/sms/PhoneState';
import { TextLink } from '@/components/ui/TextLink';
import { PasskeyOffer } from '@/components/forms/factors/PasskeyOffer';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { GraceNotice } from '@/app/users/security/two-factor/grace-notice';
import { nameDevice } from '@/app/users/security/device-words';
import { db } from '@/db/client';
import { frozenUntil, wasProvenByReset } from '@/lib/accounts/after-recovery';
import { isEnrolled } from '@/lib/accounts/factors';
import { readRequestContext, requireUser } from '@/lib/auth/sign-in/session';
import { readPasskeyOffer } from '@/lib/auth/two-factor/passkey-offer';
import { readDashboardPage } from '@/lib/reporting/dashboard-page';
import { formatPhone } from '@/lib/phone/parse';
import type { PhoneStatus } from '@/lib/sms/numbers/phone-state';
import { type TextsState } from '@/lib/sms/preferences/text-switches';
import { isMailOn } from '@/lib/mail/outbox';
import { DecisionCard } from './decision-card';
import { placeApplications, nameList } from './news';
import { findNextStep, isToldByText, NextStepCard } from './next-step';
import { listOpenTasks } from './open-tasks';
import { acceptPasskeyAction, declinePasskeyAction } from './passkey-actions';

export const metadata: Metadata = { title: 'Dashboard' };

const shownApplications = 3;

export default async function DashboardPage({
  searchParams,
}: {
  searchParams: Promise<Partial<Record<'phone' | 'texts' | 'passkey', string | string[]>>>;
}) {
  const user = await requireUser('/dashboard');
  const { now, userAgent } = await readRequestContext();
  const [{ phone, texts, timeZone, proofs, applications }, passkeyOptions] = await Promise.all([
    readDashboardPage(db(), user, now),
    readPasskeyOffer(db(), user, now),
  ]);
  const aboutMine = proofs.find(({ holder }) => holder.userId === user.userId);
  const asked = await searchParams;
  const isProtected = asked.phone === 'protected';
  const email = user.emailProvenAt === null && isMailOn() ? user.email : null;
  const isApplicant = user.role === 'applicant';
  const next = isApplicant ? findNextStep(applications) : null;
  const toAnswer = next?.step === 'answer' ? next.application : null;
  const { decided, news, others, areAllOthers } = placeApplications(applications, {
    isApplicant,
    asked: toAnswer,
    now,
    most: shownApplications,
  });
  const clock = { timeZone, now };
  const tasks = listOpenTasks({
    email,
    phone,
    isAfterReset: isApplicant && wasProvenByReset(user) && frozenUntil(user, now) !== null,
    lacksPasskey: isApplicant && !user.factors.passkey && passkeyOptions === null,
  });
  const isJustVerified = asked.phone === 'verified' && phone.state === 'verified';
  const decision =
    decided === null ? null : <DecisionCard decided={decided} clock={clock} isFirst={toAnswer === null} />;
  const nextStep =
    next === null ? (
      <WorkCard isAdmin={user.role === 'admin'} />
    ) : (
      <NextStepCard
        next={next}
        hearsByText={isToldByText(texts, phone)}
        isFirst={decided === null || toAnswer !== null}
      />
    );
  return (
    <Page wide nav={<SiteNav page="/dashboard" />}>
      {isJustVerified ? <SavedAlert title="Phone verified" /> : null}
      {asked.texts === 'none' && !texts.switches.enabled ? (
        <SavedAlert
          tone="info"
          title="You agreed to texts, but did not ask for any, so we send none. You can turn them on under Text preferences."
        />
      ) : null}
      <Heading>Hello, {user.name}</Heading>
      {user.graceUntil !== null && !isEnrolled(user.role, user.factors) ? (
        <GraceNotice until={user.graceUntil} clock={clock} href="/users/security/two-factor" />
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
      {asked.passkey === 'declined' ? (
        <SavedAlert title="No passkey was added. You can add one under Security at any time." />
      ) : null}
      <Columns
        first={
          <>
            {toAnswer === null ? decision : nextStep}
            {toAnswer === null ? nextStep : decision}
            {news.length > 0 ? (
              <Card>
                <Heading level={2}>
                  {decided === null && toAnswer === null ? 'What is new' : 'What else is new'}
                </Heading>
                <EventList items={itemsOfApplications(news, clock)} empty="Nothing." />
              </Card>
            ) : null}
            {applications.length > 0 ? (
              <Card>
                <Heading level={2}>
                  {nameList({ isApplicant, areOthers: others.length > 0 && !areAllOthers })}
                </Heading>
                {others.length > 0 ? (
                  <EventList
                    items={itemsOfApplications(others.slice(0, shownApplications), clock)}
                    empty="None."
                  />
                ) : null}
                <Stack gap="small">
                  {others.length > shownApplications || !isApplicant || !areAllOthers ? (
                    <TextLink href="/applications" standalone>
                      All your applications
                    </TextLink>
                  ) : null}
                  {next === null || next.step === 'start' ? null : <StartLink isFirst={false} />}
                </Stack>
              </Card>
            ) : null}
          </>
        }
        second={
          <>
            {passkeyOptions ? (
              <PasskeyOffer
                action={acceptPasskeyAction}
                declineAction={declinePasskeyAction}
                options={passkeyOptions}
                name={nameDevice(userAgent)}
              />
            ) : null}
            {tasks.length > 0 ? (
              <Card>
                <Heading level={2}>Still open</Heading>
                <TaskList tasks={tasks} />
              </Card>
            ) : null}
            <Card label="Your account">
              <FactList
                facts={[
                  { term: 'Email', detail: user.email },
                  {
                    term: 'Phone',
                    detail: (
                      <PhoneState state={phone.state} phone={user.phone && formatPhone(user.phone)}>
                        {phone.doubt ? <Badge tone="warning">Verify again</Badge> : null}
                      </PhoneState>
                    ),
                  },
                  {
                    term: 'Text updates',
                    detail: sayTexts(texts, phone),
                    action: (
                      <TextLink
                        href={`/users/sms-preferences#${isStopped(texts) ? 'phone' : 'texts'}`}
                        standalone
                        aria-label="Change text updates"
                      >
                        Change
                      </TextLink>
                    ),
                  },
                ]}
              />
            </Card>
          </>
        }
      />
    </Page>
  );
}

/** Where the operator's people go on. */
function WorkCard({ isAdmin }: { isAdmin: boolean }) {
  return (
    <Card>
      <Heading level={2}>Your work</Heading>
      <Stack gap="small">
        <LinkButton href="/staff/applications" variant="primary" wide>
          See to applications
        </LinkButton>
        {isAdmin ? (
          <LinkButton href="/admin" wide>
            See how texts are doing
          </LinkButton>
        ) : null}
      </Stack>
    </Card>
  );
}

/** Whether a STOP is what keeps updates from them, so that the way back is a START, and no switch. */
const isStopped = ({ switches, stopped }: TextsState) => switches.enabled && stopped;

function sayTexts(texts: TextsState, { state, doubt }: PhoneStatus): string {
  if (!texts.switches.enabled) return 'Off';
  if (isStopped(texts)) return 'Stopped: your number replied STOP';
  if (texts.consent === 'none') return 'Off, until you agree to them again';
  if (doubt !== null) return 'On, once your phone is verified again';
  return state === 'verified' ? 'On' : 'On, once your phone is verified';
}
