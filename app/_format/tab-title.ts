/**
 * The title of a page about one thing among many, which tells two tabs apart and says nothing about a person: titles end up in the
 * browser's history, as addresses do. Out: `Person 9f3a1c`, with the end of the id that is in the page's address, too.
 */
export function sayTab(kind: string, id: string): string {
  return `${kind} ${id.slice(-6)}`;
}
