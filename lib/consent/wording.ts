import { createHash } from 'node:crypto';

/** A stretch of the text; with `href` it is shown as a link, with a `title` it begins a line of its own. */
export interface WordingPart {
  title?: string;
  text: string;
  href?: '/terms' | '/privacy';
}

export interface Wording {
  version: string;
  /** What ticking the box under this text can grant; which of them it did grant depends on what was asked for. */
  scopes: readonly ('verification' | 'updates')[];
  parts: readonly WordingPart[];
  /** The label of the box, below the text. Before `2026-11-3` the whole text was the label. */
  box?: string;
}

/** Where a wording says who sends. */
const senderMark = '{sender}';

/**
 * Every wording that anyone was ever asked to agree to, oldest first, `{sender}` in the place of who sends. A published one is
 * evidence: it is never changed or removed, another one is added behind it under a new version.
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
  {
    version: '2026-11-2',
    scopes: ['verification', 'updates'],
    parts: [
      {
        text:
          'By checking this box I agree that {sender} may send automated text messages to the phone number I enter here: ' +
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
  {
    version: '2026-11-3',
    scopes: ['verification', 'updates'],
    parts: [
      {
        text:
          'By checking this box I agree that {sender} may send automated text messages to the phone number I enter ' +
          'here.',
      },
      {
        title: 'What',
        text:
          'a verification code each time I ask for one and, if I also choose text updates, updates about my ' +
          'application and my account.',
      },
      {
        title: 'How often',
        text:
          'Message frequency varies, usually fewer than 10 a month; one code each time you ask. Message and data ' +
          'rates may apply.',
      },
      { title: 'To stop', text: 'Reply STOP to any text to opt out, or HELP for help.' },
      {
        title: 'Your choice',
        text: 'Agreeing is not a condition of applying or of any purchase. Read our ',
      },
      { text: 'terms', href: '/terms' },
      { text: ' and ' },
      { text: 'privacy policy', href: '/privacy' },
      { text: '.' },
    ],
    box: 'I agree to get texts at this number',
  },
];

/** The day on which the words of the terms or of the privacy policy were last changed; changes with them. */
export const policiesWrittenOn = '2026-12-03';

/** The present wording, before it says who sends. */
export const latestWording: Wording = wordings[wordings.length - 1] ?? wordings[0];

/** Says in a wording who sends. */
export function fillInSender({ parts }: Wording, sender: string): WordingPart[] {
  return parts.map((part) => ({ ...part, text: part.text.replaceAll(senderMark, () => sender) }));
}

/**
 * How a site and its operator are named in a wording; `operatorName` null: nobody is set. Rows of the ledger have both names, so that
 * what they say can be written again.
 */
export function nameSenderOf(siteName: string, operatorName: string | null): string {
  return operatorName === null || operatorName === siteName
    ? siteName
    : `${siteName}, run by ${operatorName},`;
}

/**
 * What a wording is called where a consent keeps it: its version and a hash of the names that it was shown with, so that a form that was
 * opened under other names is told apart. The first wording names nobody.
 */
export function nameVersion(
  { version, parts }: Wording,
  siteName: string,
  operatorName: string | null,
): string {
  if (!parts.some(({ text }) => text.includes(senderMark))) return version;
  const hash = createHash('sha256')
    .update(JSON.stringify([siteName, operatorName]))
    .digest('hex');
  return `${version}-${hash.slice(0, 8)}`;
}

/** The text that a version has under these names, as a consent keeps all three; null: there is no such version. */
export function writeVersion(version: string, siteName: string, operatorName: string | null): string | null {
  const wording = wordings.find((each) => nameVersion(each, siteName, operatorName) === version);
  if (wording === undefined) return null;
  const parts = fillInSender(wording, nameSenderOf(siteName, operatorName));
  return writePlain({ ...wording, parts });
}

/** Whether this version, as a consent keeps it, is that of the present wording, whatever names it was shown with. */
export function isLatestVersion(version: string): boolean {
  return version === latestWording.version || version.startsWith(`${latestWording.version}-`);
}

/** Writes a text as it is kept as evidence, in the order in which it is read: plain, each link followed by its path, the box last. */
export function writePlain({ parts, box }: Pick<Wording, 'parts' | 'box'>): string {
  const written = parts.map(
    ({ title, text, href }) => `${title ? ` ${title}: ` : ''}${href ? `${text} (${href})` : text}`,
  );
  return [written.join(''), ...(box ? [`[Box] ${box}`] : [])].join(' ');
}
