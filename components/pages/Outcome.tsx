import { Card } from '@/components/ui/Card';
import { FocusOnOutcome } from '@/components/ui/FocusOnArrival';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';

/** All that a page has to say when something is settled: what happened, what to know, and where to go on. */
export function Outcome({
  title,
  words,
  href,
  label,
}: {
  title: string;
  words: string;
  href: string;
  label: string;
}) {
  return (
    <Card>
      <FocusOnOutcome />
      <HeadingGroup>
        <Heading>{title}</Heading>
        <Lead>{words}</Lead>
      </HeadingGroup>
      <LinkButton href={href} variant="primary" wide>
        {label}
      </LinkButton>
    </Card>
  );
}
