import { isId } from '@/lib/random';

/** Reads where a page of texts begins, from its address; anything else begins at the newest. */
export function readCursor(raw: unknown): { createdAt: Date; id: string } | null {
  if (typeof raw !== 'string') return null;
  const [, ms, id = ''] = /^(\d{1,13})_(.+)$/.exec(raw) ?? [];
  return isId(id) ? { createdAt: new Date(Number(ms)), id } : null;
}

/** The same of a page of agreements: the id of the last one that was shown. */
export function readReceiptCursor(raw: unknown): number | null {
  return typeof raw === 'string' && /^[1-9]\d{0,14}$/.test(raw) ? Number(raw) : null;
}

export function writeCursor({ createdAt, id }: { createdAt: Date; id: string }): string {
  return `${createdAt.getTime()}_${id}`;
}
