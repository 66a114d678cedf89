import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import { Disclosure } from '@/components/ui/Disclosure';
import { Stack, Text } from '@/components/ui/Heading';
import { FactList } from '@/components/ui/lists/FactList';
import type { NextText } from '@/lib/sms/dispatch/explain-next';
import type { Gate } from '@/lib/sms/dispatch/explain-text';
import { WhyList } from './messages/why-list';
import { sayAnswer, sayGate, sayQuestion, type AskedText } from './messages/why-words';

const kinds: Record<NextText['kind'], string> = {
  code: 'A code to prove the number',
  news: 'News of an application',
  reminder: 'A reminder of documents',
  notice: 'A security notice',
};

/** A text that nobody has written down yet. */
const notWritten: AskedText = { status: 'queued', errorCode: null };

/** What would become of the next text of each kind, if it came now: first in short, then rule by rule. */
export function NextTexts({ next, clock }: { next: readonly NextText[]; clock: Required<Clock> }) {
  return (
    <Stack>
      <FactList
        facts={next.map(({ kind, gates }) => {
          const against = gates.filter(saysNo);
          const first = against[0];
          return {
            term: kinds[kind],
            detail:
              first === undefined
                ? 'Nothing keeps it back.'
                : against.map((gate) => (
                    <Text key={gate.gate}>
                      {sayQuestion(gate)} {sayGate(gate, notWritten, clock)}
                    </Text>
                  )),
            action:
              first === undefined ? (
                <Badge tone="success">Goes out</Badge>
              ) : (
                <Badge tone={sayOverall(against).tone}>{sayOverall(against).words}</Badge>
              ),
          };
        })}
      />
      <div>
        {next.map(({ kind, gates }) => (
          <Disclosure key={kind} summary={`${kinds[kind]}: every rule`}>
            <WhyList gates={gates} text={notWritten} clock={clock} />
          </Disclosure>
        ))}
      </div>
    </Stack>
  );
}

function saysNo({ answer }: Gate): boolean {
  return answer === 'hold' || answer === 'refuse';
}

/** It waits where all that say no will pass by themselves. */
function sayOverall(against: readonly Gate[]) {
  return sayAnswer(against.find(({ answer }) => answer === 'refuse') ?? against[0]!, notWritten);
}
