import { Fold } from '@/components/ui/Fold';
import { Heading, Text } from '@/components/ui/Heading';
import { FigureGrid } from '@/components/ui/lists/FigureGrid';
import { Notice } from '@/components/ui/Notice';
import { TextLink } from '@/components/ui/TextLink';
import { mostCodesSeen, type AttackSigns, type TopSource } from '@/lib/reporting/attack-signs';
import { sayReason } from './messages/message-words';
import { sayCount, sayShare } from './report-words';

/** Fewer than these in an hour say nothing about a share. */
const fewest = 30;

/** A sign is one that ordinary days do not have. */
type Judged = { asked: boolean; unentered: boolean; network: boolean; prefix: boolean; strangers: boolean };

/** What of the signs is more than an ordinary hour has; a crowd on a launch day asks for many codes, and enters them. */
export function judgeAttack({ asked, unentered, topNetwork, topPrefix, strangers }: AttackSigns): Judged {
  const isMost = (top: TopSource | null) => top !== null && top.all >= fewest && top.count > top.all / 2;
  // Where counting stopped, there may be any number: more than twice the usual is then unusual enough.
  const isBeyondCounting = asked.count >= mostCodesSeen && asked.usual < mostCodesSeen / 2;
  return {
    asked: asked.count >= fewest && (isBeyondCounting || asked.count > 3 * asked.usual),
    unentered: unentered.asked >= fewest && unentered.never > unentered.asked / 2,
    network: isMost(topNetwork),
    prefix: isMost(topPrefix),
    strangers: strangers.spentMicros > strangers.limitMicros / 2,
  };
}

/** Whether someone has us text numbers for their own good: the figures of the last hour, and what to do. */
export function AttackFigures({ signs }: { signs: AttackSigns }) {
  const { asked, unentered, topNetwork, topPrefix, refusals, strangers } = signs;
  const judged = judgeAttack(signs);
  const isLikely = judged.unentered && (judged.asked || judged.network || judged.prefix || judged.strangers);
  const seen = [asked.count, unentered.asked, topNetwork?.all ?? 0, topPrefix?.all ?? 0];
  const isTooFew = Math.max(...seen) < fewest;
  const isAny = Object.values(judged).some(Boolean);
  const tone = (isUnusual: boolean) => (isUnusual ? 'warning' : 'plain');
  const [most] = refusals;
  const figures = (
    <>
      <FigureGrid
        label="Are we under attack?"
        figures={[
          {
            id: 'attack-asked',
            name: 'Codes for new numbers, last hour',
            value: sayAsked(asked.count),
            context: `usual at this hour: ${asked.usual < 10 ? Number(asked.usual.toFixed(1)) : sayCount(asked.usual)}`,
            tone: tone(judged.asked),
          },
          {
            id: 'attack-unentered',
            name: 'Of these, never entered',
            value:
              unentered.asked < fewest
                ? tooFew(unentered.asked)
                : sayShare(unentered.never / unentered.asked),
            context: `${sayCount(unentered.never)} of ${sayCount(unentered.asked)} that are over`,
            tone: tone(judged.unentered),
          },
          {
            id: 'attack-network',
            name: 'Most from one network',
            ...sayTop(topNetwork, (name) => `network ${name.slice(name.indexOf(':') + 1).slice(0, 8)}`),
            tone: tone(judged.network),
          },
          {
            id: 'attack-prefix',
            name: 'Most to one number prefix',
            ...sayTop(topPrefix, (name) => `numbers that begin with ${name}`),
            tone: tone(judged.prefix),
          },
          {
            id: 'attack-strangers',
            name: 'Of the strangers’ share of the budget',
            value:
              strangers.limitMicros === 0 ? '–' : sayShare(strangers.spentMicros / strangers.limitMicros),
            context: 'used in 24 hours',
            tone: tone(judged.strangers),
          },
          {
            id: 'attack-refused',
            name: 'Codes refused by a rule, last hour',
            value: sayCount(refusals.reduce((sum, { times }) => sum + times, 0)),
            context: most ? `mostly: ${sayReason(most.reason)} (${sayCount(most.times)})` : 'none',
          },
        ]}
      />
      {refusals.length > 1 ? (
        <Text quiet>
          Refused in the last hour:{' '}
          {refusals.map(({ reason, times }) => `${sayReason(reason)} ${sayCount(times)}`).join(', ')}. What
          each rule allows is under <TextLink href="/admin/limits">Limits</TextLink>.
        </Text>
      ) : null}
    </>
  );
  return (
    <>
      <Heading level={2}>Are we under attack?</Heading>
      {isLikely ? (
        <Notice tone="danger" title="This looks like an attack">
          Many codes are asked for, and nobody enters them. See under{' '}
          <TextLink href="/admin/pumping">Pumping</TextLink> what is closed already, and block the ranges that
          the codes go to. Find the network behind them with the statement under “Pumping” in
          docs/operations.md, and block it at the proxy. Do not raise the budget: the shares of a network and
          of a prefix hold it back meanwhile.
        </Notice>
      ) : (
        <Text quiet>
          {isTooFew ? (
            `Too few to tell: fewer than ${fewest} codes were asked for in the last hour. If there were more, what is unusual about them would be here.`
          ) : judged.unentered ? (
            <>
              Most codes were not entered, though no more than usual were asked for: do texts arrive? See{' '}
              <TextLink href="/admin/sender">Sender</TextLink>, and{' '}
              <TextLink href="/admin/pumping">Pumping</TextLink>.
            </>
          ) : isAny ? (
            <>
              Something is unusual, and it may be a crowd of people: they enter their codes. If fewer and
              fewer codes are entered, see <TextLink href="/admin/pumping">Pumping</TextLink>, and “Pumping”
              in docs/operations.md.
            </>
          ) : (
            'No: nothing of the last hour is unusual. If it were, what to do would be here.'
          )}
        </Text>
      )}
      {isAny ? (
        figures
      ) : (
        <div>
          <Fold
            title="Figures of the last hour"
            note={asked.count === 1 ? '1 code' : `${sayAsked(asked.count)} codes`}
          >
            {figures}
          </Fold>
        </div>
      )}
    </>
  );
}

function sayAsked(count: number): string {
  return count >= mostCodesSeen ? `${sayCount(mostCodesSeen)} or more` : sayCount(count);
}

/** In place of a share of so few that it says nothing. */
function tooFew(count: number): string {
  return count === 0 ? '–' : 'Too few to tell';
}

function sayTop(top: TopSource | null, say: (name: string) => string): { value: string; context: string } {
  if (top === null) return { value: '–', context: 'nobody asked' };
  return {
    value: top.all < fewest ? tooFew(top.all) : sayShare(top.count / top.all),
    context: `${sayCount(top.count)} of ${sayCount(top.all)}, ${say(top.name)}`,
  };
}
