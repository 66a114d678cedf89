/** The parts of the nightly check that are no day. */
export const standingParts = ['budget', 'numbers', 'opt_outs', 'consents', 'wordings'] as const;

/** The other parts are a day each: `day 2026-11-29`. */
export const dayPrefix = 'day ';

/** What may not agree: what it means, and what to do. `examples`: what the ids that come with it are. */
type KindOfDifference = { name: string; whatToDo: string; examples: 'texts' | 'consents' | 'places' };

const sumAgain =
  'Find out whether texts or sums were changed by hand. Until this is settled the day is summed up no more. If the texts are right, delete the day from rolled_days: it is summed up again within a minute.';
const keptByHand =
  'Nothing here writes that. Find out who changed the database by hand, and put back what a backup has.';

const kinds = {
  sums_and_texts: {
    name: 'The sums of a day are not those of its texts',
    whatToDo: sumAgain,
    examples: 'places',
  },
  sums_and_parts: {
    name: 'The sums of a day are not those of its hours, purposes and areas',
    whatToDo: sumAgain,
    examples: 'places',
  },
  sums_and_opt_outs: {
    name: 'The opt-outs of a day are not as many as were counted',
    whatToDo: `${keptByHand} A number whose opt-out is missing from the ledger is still not texted.`,
    examples: 'places',
  },
  not_checked: {
    name: 'A day was summed up again without having been checked',
    whatToDo:
      'For six hours it could not be read: see who holds a lock on the tables, or whether the database is slow. This ends with the first check that can be made; what was changed by hand before the sum may not show in it.',
    examples: 'places',
  },
  text_contradicts_itself: {
    name: 'The state of a text does not fit its reports, times or price',
    whatToDo: `${keptByHand} Twilio’s own record of the text says what became of it.`,
    examples: 'texts',
  },
  text_after_opt_out: {
    name: 'A text went out after an opt-out',
    whatToDo:
      'Look at the text and at its number’s opt-outs. If the opt-out is real, that is a report to your lawyer, and a bug to be reported to us. If not, someone added it by hand.',
    examples: 'texts',
  },
  update_without_consent: {
    name: 'An update went out without consent',
    whatToDo:
      'Look at the text and at what its person agreed to. If a consent is missing from the ledger, look for it in a backup. Else that is a report to your lawyer, and a bug to be reported to us.',
    examples: 'texts',
  },
  code_without_consent: {
    name: 'A code went out without consent',
    whatToDo:
      'Look at the text and at what its person agreed to. If a consent is missing from the ledger, look for it in a backup. Else that is a report to your lawyer, and a bug to be reported to us.',
    examples: 'texts',
  },
  budget_and_prices: {
    name: 'The budget is not what the texts cost',
    whatToDo:
      'Until these minutes are a day old, more or less may be sent than SMS_DAILY_BUDGET_USD says. Find out whether prices or sums were changed by hand; Twilio’s bill says what is right.',
    examples: 'places',
  },
  blocked_without_opt_out: {
    name: 'A number is blocked, and no opt-out says why',
    whatToDo: `${keptByHand} Leave the number blocked until you know; START from its phone lifts the block.`,
    examples: 'places',
  },
  opt_out_without_block: {
    name: 'A number has opted out and is not blocked',
    whatToDo: 'It may be texted. Record its opt-out again at /staff/opt-outs, which blocks it at once.',
    examples: 'places',
  },
  withdrawn_without_consent: {
    name: 'A consent was withdrawn that was never given',
    whatToDo: `A row of the ledger of consent is missing. ${keptByHand}`,
    examples: 'consents',
  },
  resumed_without_stop: {
    name: 'A consent was resumed that no STOP had withdrawn',
    whatToDo: `A row of the ledger of consent is missing or was added. ${keptByHand}`,
    examples: 'consents',
  },
  consent_despite_stop: {
    name: 'A consent stands that a STOP has ended',
    whatToDo: `A row of the ledger of consent is missing. Nobody is texted as long as the number is blocked. ${keptByHand}`,
    examples: 'consents',
  },
  consent_without_account: {
    name: 'A consent stands whose account is gone',
    whatToDo: `Nobody is texted by it. ${keptByHand}`,
    examples: 'consents',
  },
  consent_without_origin: {
    name: 'A consent was written without where it was given',
    whatToDo: `Each box that is ticked leaves its address and browser beside the ledger, until the account ends. A consent without them is no proof. ${keptByHand}`,
    examples: 'consents',
  },
  wording_differs: {
    name: 'The wording of a consent is not that of its version',
    whatToDo: `A consent to other words is no proof. If a newer release ran here before, it has versions that this one does not know: run it again. If not: ${keptByHand}`,
    examples: 'consents',
  },
  consent_though_off: {
    name: 'A consent to updates stands, and the person has texts turned off',
    whatToDo: `They are not texted. ${keptByHand}`,
    examples: 'consents',
  },
} satisfies Record<string, KindOfDifference>;

export type DifferenceKind = keyof typeof kinds;

export const differenceKinds = Object.keys(kinds) as DifferenceKind[];

/** What a difference means in words; a kind that we do not know, which another release wrote, is named as it is. */
export function explainDifference(kind: string): KindOfDifference {
  return Object.hasOwn(kinds, kind)
    ? kinds[kind as DifferenceKind]
    : { name: kind.replaceAll('_', ' '), whatToDo: '', examples: 'places' };
}
