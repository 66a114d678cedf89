/** Reads where a page of texts begins, from its address; anything else begins at the newest. */
export function readCursor(raw: unknown): { createdAt: Date; id: string } | null {
  if (typeof raw !== 'string') return null;
  const match = /^(\d{1,13})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(raw);
  return match ? { createdAt: new Date(Number(match[1])), id: match[2]! } : null;
}

export function writeCursor({ createdAt, id }: { createdAt: Date; id: string }): string {
  return `${createdAt.getTime()}_${id}`;
}
