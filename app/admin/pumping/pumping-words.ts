import type { PumpingGuard } from '@/lib/env';
import { mostCaught, type SeenOrder } from '@/lib/reporting/pumping-page';

/** What an order is about, without a whole number. */
export function sayAbout({ about: { is, digits } }: Pick<SeenOrder, 'about'>): string {
  switch (is) {
    case 'number':
      return `The number ••• ${digits}`;
    case 'range':
      return `Numbers ${digits} ••••`;
    case 'network':
      return `A network (${digits})`;
  }
}

/** What it does, or would do; what is over is said as it would be now. */
export function sayKind({ kind }: Pick<SeenOrder, 'kind'>, guard: PumpingGuard): string {
  if (kind === 'allowed') return 'allowed';
  if (kind === 'blocked') return 'blocked';
  return guard === 'enforce' ? 'closed' : 'would be closed';
}

/** Why it was ordered, and why it was ended early. */
export function sayOrderReason({ figures, ordered, ended }: SeenOrder): string {
  const why =
    ordered !== null
      ? `By ${ordered.by ?? 'an admin who is gone'}: ${ordered.reason}`
      : figures !== null
        ? `By the guard: in ${figures.window === 'hour' ? 'an hour' : '24 hours'}, ${figures.unverified} codes were not entered; it closes at ${figures.threshold}. ${figures.networks === 1 ? 'One network' : `${figures.networks} networks`} asked for them, and ${figures.verified} codes were entered.`
        : '';
  const end = ended === null ? '' : `Ended by ${ended.by ?? 'an admin who is gone'}: ${ended.reason ?? ''}`;
  return [why, end].filter(Boolean).join(' ');
}

/** How many people it caught, and how many of them entered a code later. */
export function sayCaught({ kind, caught, harmed }: Pick<SeenOrder, 'kind' | 'caught' | 'harmed'>): string {
  if (kind === 'allowed') return '–';
  if (caught === 0) return 'Nobody';
  const many =
    caught >= mostCaught ? `${mostCaught} people or more` : caught === 1 ? '1 person' : `${caught} people`;
  return `${many}. ${harmed === 0 ? 'None' : harmed} of them entered a code later.`;
}
