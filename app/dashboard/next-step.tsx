import { applicationPath } from '@/app/applications/application-input';
import { StartLink } from '@/app/applications/start-link';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Written } from '@/components/ui/Written';
import type { MyApplication } from '@/lib/applications/my-applications';
import { env } from '@/lib/env';
import type { PhoneStatus } from '@/lib/sms/numbers/phone-state';
import type { TextsState } from '@/lib/sms/preferences/text-switches';

/** The one thing that an applicant can do next: `wait` for us, or go on with this application; `start` where they have none under way. */
export type ApplicantStep =
  | { step: 'answer' | 'finish'; application: MyApplication }
  | { step: 'wait'; applications: number }
  | { step: 'start' };

/** Finds it: what we asked for comes before a draft, and either before waiting; of several the newest. */
export function findNextStep(applications: readonly MyApplication[]): ApplicantStep {
  const asked = applications.find(({ status, isAnswered }) => status === 'documents_needed' && !isAnswered);
  if (asked) return { step: 'answer', application: asked };
  const draft = applications.find(({ status }) => status === 'draft');
  if (draft) return { step: 'finish', application: draft };
  const waiting = applications.filter(({ status }) => underWay.has(status)).length;
  return waiting > 0 ? { step: 'wait', applications: waiting } : { step: 'start' };
}

const underWay: ReadonlySet<MyApplication['status']> = new Set([
  'submitted',
  'in_review',
  'documents_needed',
]);

/** Whether a text tells someone that their application moves forward; the send policy asks again when it goes out. */
export function isToldByText(
  { switches, consent, stopped }: TextsState,
  { state, doubt }: Pick<PhoneStatus, 'state' | 'doubt'>,
): boolean {
  const areOn = switches.enabled && switches.applicationStatus;
  return state === 'verified' && doubt === null && areOn && consent !== 'none' && !stopped;
}

/**
 * Says it, with its one button. `hearsByText`: the applicant gets texts about their applications. `isFirst`: nothing on the page
 * comes before it; else the button is a lesser one.
 */
export function NextStepCard({
  next,
  hearsByText,
  isFirst,
}: {
  next: ApplicantStep;
  hearsByText: boolean;
  isFirst: boolean;
}) {
  const variant = isFirst ? 'primary' : 'secondary';
  const hears = hearsByText ? 'you will see it here, and we will text you.' : 'you will see it here.';
  switch (next.step) {
    case 'answer':
      return (
        <Card>
          <HeadingGroup>
            <Heading level={2}>We need something from you</Heading>
            <Text>
              Before we can go on with <Written>{next.application.title}</Written>, read what we need and
              answer.
            </Text>
          </HeadingGroup>
          <LinkButton href={applicationPath(next.application.id)} variant={variant} wide>
            Read and answer
          </LinkButton>
        </Card>
      );
    case 'finish':
      return (
        <Card>
          <HeadingGroup>
            <Heading level={2}>Finish your draft</Heading>
            <Text>
              Nobody but you has seen <Written>{next.application.title}</Written>. Submit it when it is ready.
            </Text>
          </HeadingGroup>
          <LinkButton href={applicationPath(next.application.id)} variant={variant} wide>
            Open your draft
          </LinkButton>
        </Card>
      );
    case 'wait':
      return (
        <Card>
          <HeadingGroup>
            <Heading level={2}>It is our turn</Heading>
            <Text>
              {next.applications === 1
                ? 'There is nothing you need to do for your application. When it moves forward, '
                : 'There is nothing you need to do for your applications. When one moves forward, '}
              {hears}
            </Text>
          </HeadingGroup>
        </Card>
      );
    case 'start':
      return (
        <Card>
          <HeadingGroup>
            <Heading level={2}>Your next step</Heading>
            <Text>
              {env().nextStep === null
                ? `Start an application when you are ready. You can save it and come back. When it moves forward, ${hears}`
                : 'You apply on another site.'}
            </Text>
          </HeadingGroup>
          <StartLink isFirst={isFirst} />
        </Card>
      );
  }
}
