import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import { Disclosure } from '@/components/ui/Disclosure';
import { FactList } from '@/components/ui/lists/FactList';
import type { Gate } from '@/lib/sms/dispatch/explain-text';
import { isAgainst, sayAnswer, sayGate, sayQuestion, type AskedText } from './why-words';

type Explained = { gates: readonly Gate[]; text: AskedText; clock: Required<Clock> };

/** What keeps a text back, and when that would let it pass; the other gates are folded below it. */
export function WhyList({ gates, ...of }: Explained) {
  const against = gates.filter(isAgainst);
  const others = gates.length - against.length;
  return (
    <>
      {against.length === 0 ? null : <GateList gates={against} {...of} />}
      {others === 0 ? null : (
        <Disclosure summary={`Every rule, in order (${gates.length})`}>
          <GateList gates={gates} {...of} />
        </Disclosure>
      )}
    </>
  );
}

/** Every gate that a text meets, in order: what it asks, what it says, and when it would let the text pass. */
export function GateList({ gates, text, clock }: Explained) {
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
