import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import { Disclosure } from '@/components/ui/Disclosure';
import { Stack, Text } from '@/components/ui/Heading';
import { FactList } from '@/components/ui/lists/FactList';
import { Notice } from '@/components/ui/Notice';
import type { NextText } from '@/lib/sms/dispatch/explain-next';
import type { Gate } from '@/lib/sms/dispatch/explain-text';
import { GateList } from './messages/why-list';
import { isAgainst, sayAnswer, sayGate, sayQuestion, type AskedText } from './messages/why-words';

const kinds: Record<NextText['kind'], string> = {
  code: 'A code to prove the number',
  news: 'News of an application',
  reminder: 'A reminder of documents',
  notice: 'A security notice',
};

/** A text that nobody has written down yet. */
const notWritten: AskedText = { status: 'queued', errorCode: null };

/**
 * What would become of the next text of each kind, if it came now: first what keeps back every kind, then each in short, then rule
 * by rule.
 */
export function NextTexts({ next, clock }: { next: readonly NextText[]; clock: Required<Clock> }) {
  const ofAll = findCommon(next);
  return (
    <Stack>
      {ofAll.length === 0 ? null : (
        <Notice tone="warning" title="This keeps back every kind of text">
          {ofAll.map((gate) => (
            <Text key={gate.gate}>{sayGate(gate, notWritten, clock)}</Text>
          ))}
        </Notice>
      )}
      <FactList
        facts={next.map(({ kind, gates }) => {
          const against = gates.filter(isAgainst);
          const own = against.filter((gate) => !ofAll.some((common) => isSameAnswer(common, gate)));
          return {
            term: kinds[kind],
            detail:
              against.length === 0
                ? 'Nothing keeps it back.'
                : own.length === 0
                  ? 'Nothing but the above keeps it back.'
                  : ofAll.length > 0
                    ? `Besides: ${own.map(sayQuestion).join(' ')}`
                    : own.map((gate) => (
                        <Text key={gate.gate}>
                          {sayQuestion(gate)} {sayGate(gate, notWritten, clock)}
                        </Text>
                      )),
            action:
              against.length === 0 ? (
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
            <GateList gates={gates} text={notWritten} clock={clock} />
          </Disclosure>
        ))}
      </div>
    </Stack>
  );
}

/** What keeps back each of several kinds: it is said once. */
function findCommon(next: readonly NextText[]): Gate[] {
  const [first, ...others] = next;
  if (first === undefined || others.length === 0) return [];
  return first.gates.filter(
    (gate) =>
      isAgainst(gate) && others.every(({ gates }) => gates.some((other) => isSameAnswer(gate, other))),
  );
}

/** An opt-out keeps a code from being asked for by the rule `request`, which says the same as `opt_out`. */
function isSameAnswer(common: Gate, other: Gate): boolean {
  if (common.gate === 'opt_out' && other.gate === 'request') return other.reason === 'stopped';
  return (
    common.gate === other.gate &&
    common.answer === other.answer &&
    JSON.stringify(common.details) === JSON.stringify(other.details)
  );
}

/** It waits where all that say no will pass by themselves. */
function sayOverall(against: readonly Gate[]) {
  return sayAnswer(against.find(({ answer }) => answer === 'refuse') ?? against[0]!, notWritten);
}
