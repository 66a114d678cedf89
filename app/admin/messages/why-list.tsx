import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import { FactList } from '@/components/ui/lists/FactList';
import type { Gate } from '@/lib/sms/dispatch/explain-text';
import { sayAnswer, sayGate, sayQuestion, type AskedText } from './why-words';

/** Every gate that a text meets, in order: what it asks, what it says, and when it would let the text pass. */
export function WhyList({
  gates,
  text,
  clock,
}: {
  gates: readonly Gate[];
  text: AskedText;
  clock: Required<Clock>;
}) {
  return (
    <FactList
      facts={gates.map((gate) => {
        const { words, tone } = sayAnswer(gate, text);
        return {
          term: sayQuestion(gate),
          detail: sayGate(gate, text, clock),
          action: <Badge tone={tone}>{words}</Badge>,
        };
      })}
    />
  );
}
