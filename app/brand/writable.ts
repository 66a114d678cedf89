/** Whether the font of `next/og` can write a text. For any other letter it would ask a server of Google's. */
export function isWritable(text: string): boolean {
  return /^[\x20-\x7e\xa0-\xff‘’“”–—…]*$/.test(text);
}
