import { applicationPath } from '@/app/applications/application-input';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Written } from '@/components/ui/Written';
import type { MyApplication } from '@/lib/applications/my-applications';

/**
 * What we decided about an application lately, which its applicant waited for. `isFirst`: it is the first thing on their dashboard, as
 * it is unless we wait for them; else its button is a lesser one.
 */
export function DecisionCard({
  decided,
  clock,
  isFirst,
}: {
  decided: MyApplication;
  clock: Clock;
  isFirst: boolean;
}) {
  const isApproved = decided.status === 'approved';
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2}>
          {isApproved ? 'We approved your application' : 'We declined your application'}
        </Heading>
        <Text>
          <Written>{decided.title}</Written>, <Moment at={decided.since} clock={clock} />.
        </Text>
      </HeadingGroup>
      <LinkButton href={applicationPath(decided.id)} variant={isFirst ? 'primary' : 'secondary'} wide>
        Read the decision
      </LinkButton>
    </Card>
  );
}
