import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';
import { z } from 'zod';
import { isManifestSigned, isSeal, packFormat, sealLength, type Signature } from './pack-signature';

/** What is said of a ZIP. */
export type PackVerdict = {
  /** Whether it is a pack, byte for byte as it was made, and signed with one of the keys. */
  isGenuine: boolean;
  /** What is wrong, a sentence each; empty: nothing. */
  problems: string[];
  /** What the manifest says, each of it short and harmless on a terminal. Null: it is not signed with one of the keys. */
  pack: { id: string; about: string; from: string; to: string; madeAt: string; files: number } | null;
};

/** No pack has more files, and neither its manifest nor the signature is larger. */
const mostEntries = 64;
const largestDescription = 1_000_000;

const file = z.strictObject({
  name: z.string(),
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rows: z.number().int().min(0).optional(),
});

const manifestForm = z.object({
  format: z.literal(packFormat),
  pack: z.string(),
  about: z.object({
    kind: z.enum(['person', 'number']),
    person: z.object({ name: z.string() }).nullable(),
    numbers: z.array(z.string()),
  }),
  period: z.object({ from: z.string(), to: z.string() }),
  made_at: z.string(),
  files: z.array(file).min(1).max(mostEntries),
});

const signatureForm = z.object({
  algorithm: z.literal('Ed25519'),
  publicKey: z.string(),
  signature: z.string(),
});

/**
 * Says whether a ZIP is an evidence pack as it was made: the manifest is signed with one of `publicKeys`, every file has the bytes that
 * it lists, none is missing or more, and no other byte of the ZIP is another either. The signature is judged first: of a ZIP that
 * anyone could have made, nothing else is unpacked, read or told. Nothing is unpacked to disk, and memory does not grow with the file.
 *
 * @throws where the file cannot be read at all, or is none
 */
export async function verifyPack(path: string, publicKeys: readonly string[]): Promise<PackVerdict> {
  // A pipe that nobody writes to is not waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) {
      throw new Error('It is no file, but a folder, a pipe or a device. Give the ZIP file of the pack.');
    }
    return await verifyOpened(handle, publicKeys);
  } finally {
    await handle.close();
  }
}

async function verifyOpened(handle: FileHandle, publicKeys: readonly string[]): Promise<PackVerdict> {
  const problems: string[] = [];
  const refuse = (): PackVerdict => ({ isGenuine: false, problems, pack: null });
  let zip: ZipFile;
  try {
    // It is not closed itself: that would close the handle, which is closed by whoever opened it.
    zip = await fromFdPromise(handle.fd, { autoClose: false, lazyEntries: true, strictFileNames: true });
  } catch (error) {
    problems.push(`It is no whole ZIP file: ${messageOf(error)}. It may have been cut off.`);
    return refuse();
  }
  const entries = await listEntries(zip, problems);
  if (entries === null) return refuse();
  const signed = await readSigned(zip, entries, { publicKeys, problems });
  if (signed === null) return refuse();
  const { manifest, publicKey } = signed;
  await compareFiles(zip, entries, manifest.files, problems);
  if (problems.length === 0) {
    const seal = await readSeal(handle);
    if (!isSeal(seal.comment, seal.digest, publicKey)) {
      problems.push(
        'The ZIP is another than the one that was made: each file in it is as it was, but the ZIP was written again, or bytes of it outside the files were changed.',
      );
    }
  }
  const { pack: id, about, period, made_at: madeAt, files } = manifest;
  const who = [about.person?.name, about.numbers.join(', ')].filter(Boolean).join(', ');
  return {
    isGenuine: problems.length === 0,
    problems,
    pack: {
      ...{ id: sayHarmlessly(id), about: sayHarmlessly(who), files: files.length },
      ...{ from: sayHarmlessly(period.from), to: sayHarmlessly(period.to), madeAt: sayHarmlessly(madeAt) },
    },
  };
}

/** The comment at the end of a file, and the SHA-256 of all before it. */
async function readSeal(handle: FileHandle): Promise<{ comment: string; digest: Buffer }> {
  const { size } = await handle.stat();
  const hash = createHash('sha256');
  const end = Math.max(0, size - sealLength);
  const buffer = Buffer.alloc(256 * 1024);
  for (let position = 0; position < end;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  const comment = Buffer.alloc(size - end);
  await handle.read(comment, 0, comment.length, end);
  return { comment: comment.toString('latin1'), digest: hash.digest() };
}

/** What is in the ZIP by name; null: it cannot be listed, or is no pack's. */
async function listEntries(zip: ZipFile, problems: string[]): Promise<Map<string, Entry> | null> {
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      if (entries.size >= mostEntries) {
        problems.push(`It holds more than ${mostEntries} files, and no pack does.`);
        return null;
      }
      if (entries.has(name)) problems.push(`${sayHarmlessly(name)} is in it more than once.`);
      entries.set(name, entry);
    }
  } catch (error) {
    // Names that would lead out of the folder are among what yauzl refuses.
    problems.push(`What is in it cannot be listed: ${messageOf(error)}.`);
    return null;
  }
  return entries;
}

/** The manifest, and the key it is signed with; null: it cannot be read, or is not signed with one of the keys. */
async function readSigned(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  { publicKeys, problems }: { publicKeys: readonly string[]; problems: string[] },
): Promise<{ manifest: z.infer<typeof manifestForm>; publicKey: string } | null> {
  const [manifestBytes, signatureBytes] = [
    await readSmall(zip, entries, 'manifest.json', problems),
    await readSmall(zip, entries, 'manifest.sig', problems),
  ];
  if (manifestBytes === null || signatureBytes === null) return null;
  const signature = signatureForm.safeParse(parse(signatureBytes));
  if (!signature.success) {
    problems.push('manifest.sig is not what a pack has there.');
    return null;
  }
  const wrong = judgeSignature(manifestBytes, signature.data, publicKeys);
  if (wrong !== null) {
    problems.push(wrong);
    return null;
  }
  const manifest = manifestForm.safeParse(parse(manifestBytes));
  if (!manifest.success) {
    problems.push('manifest.json is not what a pack has there.');
    return null;
  }
  return { manifest: manifest.data, publicKey: signature.data.publicKey };
}

async function readSmall(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  name: string,
  problems: string[],
): Promise<Buffer | null> {
  const entry = entries.get(name);
  if (!entry) {
    problems.push(`${name} is missing.`);
    return null;
  }
  const chunks: Buffer[] = [];
  const read = await readEntry(zip, entry, largestDescription, (chunk) => chunks.push(chunk));
  if (read === null) return Buffer.concat(chunks);
  problems.push(`${name} cannot be read: ${read}.`);
  return null;
}

/** Compares each file with what is listed, and what is listed with what is there. */
async function compareFiles(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  files: readonly z.infer<typeof file>[],
  problems: string[],
): Promise<void> {
  const names = new Set([...files.map(({ name }) => name), 'manifest.json', 'manifest.sig']);
  for (const { name, bytes, sha256 } of files) {
    const entry = entries.get(name);
    if (!entry) {
      problems.push(`${sayHarmlessly(name)} is missing.`);
      continue;
    }
    const hash = createHash('sha256');
    let count = 0;
    const failed = await readEntry(zip, entry, bytes, (chunk) => {
      hash.update(chunk);
      count += chunk.length;
    });
    if (failed !== null) problems.push(`${sayHarmlessly(name)} cannot be read: ${failed}.`);
    else if (count !== bytes) problems.push(`${sayHarmlessly(name)} has ${count} bytes, and had ${bytes}.`);
    else if (hash.digest('hex') !== sha256) problems.push(`${sayHarmlessly(name)} was changed.`);
  }
  for (const name of entries.keys()) {
    if (!names.has(name)) problems.push(`${sayHarmlessly(name)} was added.`);
  }
}

/** What is wrong with the signature; null: it is right, and made with one of the keys. */
function judgeSignature(
  manifest: Buffer,
  signature: Signature,
  publicKeys: readonly string[],
): string | null {
  if (!isManifestSigned(manifest, signature)) {
    return 'manifest.json or its signature was changed: the signature is not that of these bytes. Nothing more of it was read.';
  }
  if (!publicKeys.includes(signature.publicKey)) {
    return `It is signed with a key that is not expected (${signature.publicKey}): it was made by another installation, or under a secret that was thrown away since, or by someone who made it up. Nothing more of it was read.`;
  }
  return null;
}

/** Hands on the bytes of a file, `most` and one at most; null: all of them were read. */
async function readEntry(
  zip: ZipFile,
  entry: Entry,
  most: number,
  take: (chunk: Buffer) => void,
): Promise<string | null> {
  try {
    const stream = await zip.openReadStreamPromise(entry);
    let count = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      count += chunk.length;
      if (count > most) return 'it is larger than it says';
      take(chunk);
    }
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return sayHarmlessly(error instanceof Error ? error.message : String(error));
}

/** What a stranger wrote, without what moves a cursor, ends a line or turns the direction of writing, and not too much of it. */
export function sayHarmlessly(text: string): string {
  return Array.from(text.slice(0, 1_000).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ''))
    .slice(0, 200)
    .join('');
}
