/** What a provider says of a text in figures. */
export type Figures = {
  errorCode: number | null;
  /** Decimal (negative when charged). */
  price: string | null;
  segments: number | null;
};

/** A text of more parts, or dearer, is none that we sent. */
const mostSegments = 50;
const dearestUsd = 10;

/**
 * Reads what a provider says in figures, by callback or in an answer: text or number, missing or anything else.
 *
 * Null is what is not known yet (0 and the empty text, too) and what is not to be believed: a code or a count that is no
 * whole number, a code of more than six digits, more than 50 segments, a price beyond 10 dollars. So all of it can be
 * stored, and none of it upsets the budgets.
 */
export function readFigures({
  errorCode,
  price,
  segments,
}: Partial<Record<keyof Figures, unknown>>): Figures {
  const text = readText(price);
  const isPrice = /^-?\d{1,2}(?:\.\d{1,12})?$/.test(text) && Math.abs(Number(text)) <= dearestUsd;
  return {
    errorCode: readWhole(errorCode, 999_999),
    price: isPrice ? text : null,
    segments: readWhole(segments, mostSegments),
  };
}

function readWhole(value: unknown, most: number): number | null {
  const text = readText(value);
  const whole = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return whole > 0 && whole <= most ? whole : null;
}

function readText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
