import { LinkButton } from '@/components/ui/LinkButton';
import { env } from '@/lib/env';

/** The way to a new application: here, or on the other site that the settings name. */
export function StartLink({ isFirst }: { isFirst: boolean }) {
  const { nextStep } = env();
  const variant = isFirst ? 'primary' : 'secondary';
  return nextStep === null ? (
    <LinkButton href="/applications/new" variant={variant} wide>
      {isFirst ? 'Start an application' : 'Start another application'}
    </LinkButton>
  ) : (
    <LinkButton href={nextStep.url} variant={variant} wide>
      {nextStep.label}
    </LinkButton>
  );
}
