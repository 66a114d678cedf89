import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPromise } from 'yauzl';
import type { Db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { openPack } from '@/lib/exports/packs';
import type { RequestContext } from '@/lib/context';

/** The bytes of a finished pack, as an admin downloads them. */
export async function downloadPack(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<Buffer> {
  const file = await openPack(db, admin, id, context);
  if (file === null || file === 'confirm_first') throw new Error('There is no pack');
  const pieces: Buffer[] = [];
  for await (const piece of file.pieces) pieces.push(piece);
  const zip = Buffer.concat(pieces);
  if (zip.length !== file.bytes) throw new Error('It is not as long as it says');
  return zip;
}

/** Calls `use` with the path of a file that holds these bytes, and removes it. */
export async function withFile<Out>(data: Buffer, use: (path: string) => Promise<Out>): Promise<Out> {
  const folder = await mkdtemp(join(tmpdir(), 'doorstep-pack-'));
  try {
    const path = join(folder, 'pack.zip');
    await writeFile(path, data);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The files of a ZIP by name, in their order. */
export async function unzip(data: Buffer): Promise<Map<string, Buffer>> {
  return withFile(data, async (path) => {
    const zip = await openPromise(path, { autoClose: false });
    const files = new Map<string, Buffer>();
    for await (const entry of zip.eachEntry()) {
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      files.set(entry.fileName, Buffer.concat(chunks));
    }
    zip.close();
    return files;
  });
}

/** What is in a CSV file: a list of cells for each line. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  return rows.slice(0, -1);
}
