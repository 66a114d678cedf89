import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { Notice } from '@/components/ui/Notice';
import { TextLink } from '@/components/ui/TextLink';

/** Tells someone whose role may do without a second factor for now until when. */
export function GraceNotice({ until, clock, href }: { until: Date; clock: Clock; href?: string }) {
  return (
    <Notice tone="warning" title="Your role needs a second factor soon">
      <p>
        Set one up before <Moment at={until} clock={clock} />. After that, nothing else opens until you have
        one. {href ? <TextLink href={href}>Set it up now</TextLink> : null}
      </p>
    </Notice>
  );
}
