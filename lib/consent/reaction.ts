/** What is no word: emoji with their skin tones and joiners, and the spaces around them. */
const emoji = '[^\\p{L}\\p{N}"\\u201c«]+';

/** What phones write before the text that is reacted to; lower case, without accents and apostrophes. */
const openings: readonly string[] = [
  // English: the six of the iPhone, any emoji, a sticker, and what is taken back
  'liked|loved|disliked|laughed at|emphasi[sz]ed|questioned',
  `(?:reacted(?: with)?)?${emoji}to|reacted with a sticker to`,
  `removed (?:an? )?(?:like|heart|dislike|laugh|exclamation|question mark|sticker) from|removed(?: an?)?${emoji}from`,
  // Spanish
  `(?:no )?le gusto|le encanto|le dio risa|se rio de|exclamo por|enfatizo|destaco|dudo sobre|pregunto por`,
  `reacciono con${emoji}a|(?:quito|elimino) una? [^"\\u201c«]{1,30} de`,
  // French, of Canada too
  `(?:na pas|a) (?:aime|adore)|a ri de|a souligne|a mis en evidence|a pose une question sur|sest interroge\\(?e?\\)? sur`,
  `a reagi(?: avec)?${emoji}a|a retire (?:la reaction${emoji}|une? [^"\\u201c«]{1,30} )(?:a|de)`,
  `a (?:attribue|ajoute|retire) (?:la mention|un) «[^»]{1,30}» (?:a|de)`,
];

const opening = new RegExp(`^(?:${openings.join('|')})\\s*(["\\u201c«])`, 'u');

/** How the texts of ours go on after the name of the site, which may have been another when they were sent. */
const beginnings: readonly string[] = [
  ': (?:you will get updates about|this number was taken off|this is the test text you asked|you have opted out|updates are off)',
  ': (?:(?:texts|updates|codes) to this number are|codes you ask for and updates|your text was added to your application|we cannot tell which of your applications)',
  ': (?:there is news about your application|something is (?:still )?needed for your application)',
  // What they said before.
  ': .{1,60} is now: ',
  ' security: ',
];

/** How a text of ours begins, whatever the site is called. */
const ours = new RegExp(`^\\s*(?:\\d{6} is your .{1,20} code\\b|.{1,20}(?:${beginnings.join('|')}))`, 'u');

const closingMarks: Readonly<Record<string, string>> = { '"': '"', '\u201c': '\u201d', '«': '»' };

/**
 * Takes a reaction out of a text and gives what its writer says besides.
 *
 * Whoever puts a heart on one of our texts makes their phone send `Loved “Doorstep: … Reply STOP to opt out.”`, with the name
 * that the site had at that time. The words between the marks are ours; what follows them is the writer's
 * (`Disliked “…” stop texting me`).
 *
 * In: a text in lower case, without accents and apostrophes. Out: the same, unless it begins as the reactions of iPhones and
 * of Android do in English, Spanish and French, and quotes a text of ours. The quotation goes to the first closing mark, so that in doubt more is
 * the writer's; without one it has to be cut short by an ellipsis.
 */
export function dropReaction(text: string): string {
  const found = opening.exec(text);
  if (found === null) return text;
  const quotation = text.slice(found[0].length);
  if (!ours.test(quotation)) return text;
  const end = quotation.indexOf(closingMarks[found[1]!]!);
  if (end >= 0) return quotation.slice(end + 1);
  return /(?:\.{3}|\u2026)$/.test(quotation) ? '' : text;
}
