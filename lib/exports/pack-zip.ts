import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { sealLength, writeSeal } from './pack-signature';

/** A file of a ZIP: `read` is called when its turn comes, so what it holds may depend on the files before it. */
export type ZipEntry = { name: string; read: () => AsyncIterable<Buffer> };

const pieceBytes = 256 * 1024;

/**
 * Writes a ZIP of these files in this order, as pieces of some 256 KB, with a comment that seals every byte before it. Memory does not
 * grow with the files. The same files, moment and secret give the same bytes.
 */
export async function* writeSealedZip(
  entries: readonly ZipEntry[],
  { at, secret }: { at: Date; secret: string },
): AsyncGenerator<Buffer, void> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  const metadata = { mtime: at, mode: 0o100644 };
  for (const { name, read } of entries) {
    zip.addReadStreamLazy(name, metadata, (give) => {
      const file = Readable.from(read(), { objectMode: false });
      file.on('error', (error) => output.destroy(error));
      give(null, file);
    });
  }
  // The length of the comment stands before it, and is sealed as well: so a blank one is written, and left out below.
  zip.end({ forceZip64Format: false, comment: ' '.repeat(sealLength) });
  const hash = createHash('sha256');
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < pieceBytes + sealLength) continue;
    const whole = Buffer.concat(held);
    const piece = whole.subarray(0, whole.length - sealLength);
    held = [whole.subarray(piece.length)];
    heldBytes = sealLength;
    hash.update(piece);
    yield piece;
  }
  const whole = Buffer.concat(held);
  const rest = whole.subarray(0, whole.length - sealLength);
  hash.update(rest);
  yield Buffer.concat([rest, Buffer.from(writeSeal(hash.digest(), secret), 'latin1')]);
}
