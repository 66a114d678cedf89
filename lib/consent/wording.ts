/** A stretch of the text; with `href` it is shown as a link. */
export interface WordingPart {
  text: string;
  href?: '/terms' | '/privacy';
}

export interface Wording {
  version: string;
  /** What ticking the box under this text can grant; which of them it did grant depends on what was asked for. */
  scopes: readonly ('verification' | 'updates')[];
  parts: readonly WordingPart[];
}

/**
 * Every text that anybody was ever asked to agree to, oldest first. A published text is evidence: it is never changed or
 * removed, another one is added behind it under a new version.
 *
 * Each says what 47 CFR 64.1200(f)(9) and CTIA's Messaging Principles (2023, 5.1) ask for: who sends, to which number, what
 * and how often, that rates may apply, STOP and HELP, terms and privacy, and that agreeing is no condition. It accepts no
 * terms: that would be a separate act.
 */
export const wordings: readonly [Wording, ...Wording[]] = [
  {
    version: '2026-11-1',
    scopes: ['verification', 'updates'],
    parts: [
      {
        text:
          'By checking this box I agree that Doorstep may send automated text messages to the phone number I enter here: ' +
          'a verification code each time I ask for one and, if I also choose SMS updates, updates about my application and ' +
          'my account. Message frequency varies, usually fewer than 10 a month; one code each time you ask. Message and ' +
          'data rates may apply. Reply STOP to any text to opt out, or HELP for help. Agreeing is not a condition of ' +
          'applying or of any purchase. Read our ',
      },
      { text: 'terms', href: '/terms' },
      { text: ' and ' },
      { text: 'privacy policy', href: '/privacy' },
      { text: '.' },
    ],
  },
];

/** The day since which the terms and the privacy policy hold as they stand; changes with them. */
export const policiesEffectiveOn = 'November 25, 2026';

/** The text to show now, and to record when somebody agrees. */
export const currentWording: Wording = wordings[wordings.length - 1] ?? wordings[0];

/**
 * Writes a text as it is kept as evidence: plain, each link followed by its path.
 *
 * @throws RangeError for a version that was never published
 */
export function renderWording(version: string): string {
  const wording = wordings.find((published) => published.version === version);
  if (!wording) throw new RangeError(`No consent text has the version ${version}`);
  return wording.parts.map(({ text, href }) => (href ? `${text} (${href})` : text)).join('');
}
