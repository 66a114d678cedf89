/** Whose it is, by the id of the account, and which form: `application:` and the id of the draft. */
export type TypingPlace = { owner: string; what: string };

const prefix = 'typed:';
const keyOf = ({ owner, what }: TypingPlace) => `${prefix}${owner}:${what}`;

/**
 * Keeps what is in the fields of a form in this tab: until it is saved, the tab is closed, or its owner signs out. A browser that
 * keeps nothing is let be.
 */
export function keepTyping(place: TypingPlace, fields: Record<string, string>): void {
  try {
    sessionStorage.setItem(keyOf(place), JSON.stringify(fields));
  } catch {
    // It is full, or closed to this site.
  }
}

/** What is kept of a form; null: nothing. What is kept of someone else, who was signed in here before, goes. */
export function readKeptTyping(place: TypingPlace): Partial<Record<string, string>> | null {
  try {
    forgetAllTyping(place.owner);
    const fields: unknown = JSON.parse(sessionStorage.getItem(keyOf(place)) ?? 'null');
    if (fields === null || typeof fields !== 'object') return null;
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === 'string'));
  } catch {
    return null;
  }
}

export function forgetTyping(place: TypingPlace): void {
  try {
    sessionStorage.removeItem(keyOf(place));
  } catch {
    // There is nothing in what cannot be reached.
  }
}

/** Forgets all that is kept in this tab, but for one person's. */
export function forgetAllTyping(but?: string): void {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (!key.startsWith(prefix) || (but !== undefined && key.startsWith(`${prefix}${but}:`))) continue;
      sessionStorage.removeItem(key);
    }
  } catch {
    // There is nothing in what cannot be reached.
  }
}
