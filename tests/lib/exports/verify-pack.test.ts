import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ZipFile } from 'yazl';
import {
  sealLength,
  hashOf,
  isPublicPackKey,
  publicPackKey,
  signManifest,
} from '@/lib/exports/pack-signature';
import { writeSealedZip, type ZipEntry } from '@/lib/exports/pack-zip';
import { requestPack } from '@/lib/exports/packs';
import { verifyPack } from '@/lib/exports/verify-pack';
import { writeNextPart } from '@/lib/exports/write-exports';
import { runScript } from '@/tests/scripts/support/run-script';
import { useDatabase } from '@/tests/support/database';
import { downloadPack, unzip, withFile } from '@/tests/support/packs';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, readSessionOf } from '@/tests/support/settled-person';

vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const secret = process.env.AUTH_SECRET!.split(',')[0]!;
const keys = [publicPackKey(secret)];

let pack: Buffer;
let files: Map<string, Buffer>;
beforeAll(async () => {
  const { db } = database;
  const admin = await readSessionOf(db, await giveSettledPerson(db, { role: 'admin' }), noon);
  const person = await giveSettledPerson(db);
  const period = { from: after(noon, -3_600), to: after(noon, 1) };
  const answer = await requestPack(
    db,
    admin,
    { about: { userId: person.userId }, ...period },
    contextAt(after(noon, 1)),
  );
  if (!answer.ok) throw new Error(answer.reason);
  const limits = { rowsPerPart: 100, mostRows: 1_000 };
  const onFault = (_id: string, error: unknown) => expect.unreachable(String(error));
  for (let second = 2; await writeNextPart(db, after(noon, second), { onFault, limits }); second += 1);
  pack = await downloadPack(db, admin, answer.id, contextAt(after(noon, 60)));
  files = await unzip(pack);
});

const judge = (data: Buffer, publicKeys: readonly string[] = keys) =>
  withFile(data, (path) => verifyPack(path, publicKeys));

/** A ZIP of files that anyone could write, without our seal. */
async function zipOf(entries: Iterable<readonly [name: string, data: Buffer]>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, data] of entries) zip.addBuffer(data, name, { mtime: noon });
  zip.end();
  return buffer(zip.outputStream as Readable);
}

/** A ZIP with the seal of a secret. */
async function sealedZipOf(entries: Iterable<readonly [string, Buffer]>, by = secret): Promise<Buffer> {
  const list = [...entries].map(([name, data]): ZipEntry => ({
    name,
    read: async function* () {
      yield data;
    },
  }));
  const pieces: Buffer[] = [];
  for await (const piece of writeSealedZip(list, { at: noon, secret: by })) pieces.push(piece);
  return Buffer.concat(pieces);
}

function signatureOf(manifest: Buffer, by = secret): Buffer {
  return Buffer.from(JSON.stringify(signManifest(manifest, by)));
}

type Manifest = { files: { name: string; bytes: number; sha256: string }[] };

const readManifest = () => JSON.parse(files.get('manifest.json')!.toString()) as Manifest;
const listed = (name: string) => readManifest().files.find((file) => file.name === name)!;

/** The manifest of the pack with something else in it. */
function manifestWith(changes: object): Buffer {
  return Buffer.from(JSON.stringify({ ...readManifest(), ...changes }));
}

function changed(name: string, data: Buffer | null): Map<string, Buffer> {
  const other = new Map(files);
  if (data === null) other.delete(name);
  else other.set(name, data);
  return other;
}

describe('a pack', () => {
  test('that is as it was made is genuine', async () => {
    expect(await judge(pack)).toMatchObject({ isGenuine: true, problems: [], pack: { files: 9 } });
  });

  test('with any byte flipped is refused, and says why', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.length - 1), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const other = Buffer.from(pack);
        other[place]! ^= flip;
        const { isGenuine, problems } = await judge(other);
        expect(isGenuine).toBe(false);
        expect(problems.length).toBeGreaterThan(0);
        expect(problems.join('')).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]+$/u);
      }),
      { numRuns: 600 },
    );
  });

  test('with any byte of its directory and its end flipped is refused', async () => {
    for (let place = pack.length - 1_000; place < pack.length; place += 1) {
      const other = Buffer.from(pack);
      other[place]! ^= 1;
      expect((await judge(other)).isGenuine).toBe(false);
    }
  });

  test('that is cut off anywhere, or has more behind or before it, is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.length - 1), async (length) => {
        expect((await judge(pack.subarray(0, length))).isGenuine).toBe(false);
      }),
      { numRuns: 150 },
    );
    expect((await judge(Buffer.concat([pack, Buffer.from('more')]))).isGenuine).toBe(false);
    expect((await judge(Buffer.concat([Buffer.from('more'), pack]))).isGenuine).toBe(false);
    expect((await judge(Buffer.alloc(0))).problems[0]).toContain('no whole ZIP');
  });

  test('whose ZIP was written again is refused, though every file is as it was', async () => {
    const { isGenuine, problems } = await judge(await zipOf(files));
    expect(isGenuine).toBe(false);
    expect(problems).toEqual([expect.stringContaining('the ZIP was written again')]);
    // With the old seal at its end, too.
    const again = await zipOf(files);
    const seal = pack.subarray(pack.length - sealLength);
    again.writeUInt16LE(sealLength, again.length - 2);
    expect((await judge(Buffer.concat([again, seal]))).problems).toEqual([
      expect.stringContaining('the ZIP was written again'),
    ]);
  });

  test.each([
    [
      'changed',
      () =>
        changed(
          'consents.json',
          Buffer.from(files.get('consents.json')!.toString().replace('updates', 'UPDATES')),
        ),
      'consents.json was changed',
    ],
    ['shorter', () => changed('limits.csv', Buffer.from('')), 'limits.csv has 0 bytes'],
    [
      'longer',
      () => changed('limits.csv', Buffer.concat([files.get('limits.csv')!, Buffer.from('x')])),
      'limits.csv cannot be read: it is larger than it says',
    ],
    ['missing', () => changed('opt-outs.csv', null), 'opt-outs.csv is missing'],
    ['added', () => changed('more.txt', Buffer.from('x')), 'more.txt was added'],
    [
      'renamed',
      () => new Map([...files].map(([name, data]) => [name === 'messages.csv' ? 'texts.csv' : name, data])),
      'messages.csv is missing',
    ],
    ['without its manifest', () => changed('manifest.json', null), 'manifest.json is missing'],
    ['without its signature', () => changed('manifest.sig', null), 'manifest.sig is missing'],
    [
      'with a manifest of another format',
      () => {
        const other = changed('manifest.json', Buffer.from('{}'));
        return other.set('manifest.sig', signatureOf(Buffer.from('{}')));
      },
      'manifest.json is not what a pack has there',
    ],
    [
      'with a manifest that is changed',
      () =>
        changed(
          'manifest.json',
          Buffer.from(files.get('manifest.json')!.toString().replace('Settled', 'Someone')),
        ),
      'manifest.json or its signature was changed',
    ],
    [
      'with the signature of another',
      () => changed('manifest.sig', signatureOf(files.get('manifest.json')!, 'another secret')),
      'a key that is not expected',
    ],
  ] as const)('with a file that is %s is refused, also under our own seal', async (_what, make, reason) => {
    for (const zip of [await zipOf(make()), await sealedZipOf(make())]) {
      const { isGenuine, problems } = await judge(zip);
      expect(isGenuine).toBe(false);
      expect(problems.join('\n')).toContain(reason);
    }
  });

  test('of a forger who signs everything again with a key of their own is refused', async () => {
    const data = Buffer.from(files.get('consents.json')!.toString().replace('updates', 'nothing'));
    const bytes = manifestWith({
      files: readManifest().files.map((file) =>
        file.name === 'consents.json' ? { ...file, bytes: data.length, sha256: hashOf(data) } : file,
      ),
    });
    const other = changed('consents.json', data).set('manifest.json', bytes);
    other.set('manifest.sig', signatureOf(bytes, 'of a forger'));
    expect(await judge(await sealedZipOf(other, 'of a forger'))).toEqual({
      isGenuine: false,
      problems: [expect.stringContaining('signed with a key that is not expected')],
      pack: null,
    });
  });

  test('of a forger is not unpacked: what its manifest lists is not even looked for', async () => {
    const other = new Map<string, Buffer>([['limits.csv', Buffer.alloc(200_000_000)]]);
    const bytes = manifestWith({ files: [{ name: 'nowhere.csv', bytes: 1e12, sha256: 'a'.repeat(64) }] });
    other.set('manifest.json', bytes).set('manifest.sig', signatureOf(bytes, 'of a forger'));
    const zip = await sealedZipOf(other, 'of a forger');
    expect((await judge(zip)).problems).toEqual([expect.stringContaining('Nothing more of it was read')]);
    // Under our own key it is.
    other.set('manifest.sig', signatureOf(bytes));
    expect((await judge(await sealedZipOf(other))).problems).toEqual([
      'nowhere.csv is missing.',
      'limits.csv was added.',
    ]);
  });

  test('says nothing in its own words that writes a line or moves a cursor, and keeps the letters of every alphabet', async () => {
    const name = `Zoë Ωμέγα 王小明 \u001b[2J\u202eevil\nAll 9 files\u2028are as they were\u0007${'x'.repeat(900)}`;
    const about = { kind: 'person', person: { name }, numbers: ['+15550001111\r\n'] };
    const bytes = manifestWith({ about, pack: '\u001b[8mid', files: [listed('limits.csv')] });
    const other = new Map<string, Buffer>([['limits.csv', files.get('limits.csv')!]]);
    other.set('manifest.json', bytes).set('manifest.sig', signatureOf(bytes));
    const { isGenuine, pack: said } = await judge(await sealedZipOf(other));
    expect(isGenuine).toBe(true);
    expect(said!.about).toMatch(/^Zoë Ωμέγα 王小明 \[2JevilAll 9 filesare as they werex+$/);
    expect(said!.about).toHaveLength(200);
    expect(said!.id).toBe('[8mid');
  });

  test.each(['../../etc/passwd', '/etc/passwd', 'C:\\windows', 'a\\..\\..\\b', 'a/../../b'])(
    'with a file named %s is refused and nothing is written',
    async (name) => {
      // yazl writes no such name, so it is put in the place of one of the same length.
      const plain = 'x'.repeat(name.length);
      const zip = await zipOf([...files, [plain, Buffer.from('x')]]);
      const bad = Buffer.from(zip.toString('latin1').replaceAll(plain, name), 'latin1');
      const { isGenuine, problems } = await judge(bad);
      expect(isGenuine).toBe(false);
      expect(problems.join('')).toMatch(/cannot be listed|was added/);
    },
  );

  test('with two files of one name is refused', async () => {
    const { problems } = await judge(await zipOf([...files, ['limits.csv', Buffer.from('another')]]));
    expect(problems.join('\n')).toContain('limits.csv is in it more than once');
  });

  test('with thousands of files, or one that unpacks to far more than it says, is given up at once', async () => {
    const many = Array.from({ length: 300 }, (_, n) => [`${n}.txt`, Buffer.from('')] as const);
    expect((await judge(await zipOf([...files, ...many]))).problems.join('')).toContain('more than 64 files');
    const bomb = changed('limits.csv', Buffer.alloc(200_000_000));
    expect((await judge(await zipOf(bomb))).problems).toEqual([
      'limits.csv cannot be read: it is larger than it says.',
    ]);
    const noise = changed('manifest.json', Buffer.alloc(50_000_000, ' '));
    expect((await judge(await zipOf(noise))).problems.join('')).toContain('manifest.json cannot be read');
  });
});

describe('the key', () => {
  test('is the first of the secrets; a pack of an older one counts as long as that is listed', async () => {
    const older = publicPackKey('an older secret');
    expect((await judge(pack, [older, ...keys])).isGenuine).toBe(true);
    expect((await judge(pack, [older])).problems).toEqual([
      expect.stringContaining('a key that is not expected'),
    ]);
    expect((await judge(pack, [])).isGenuine).toBe(false);
  });

  test('is made for packs alone, and is one word', () => {
    expect(isPublicPackKey(keys[0]!)).toBe(true);
    expect(publicPackKey('one')).not.toBe(publicPackKey('other'));
    for (const odd of ['', 'x'.repeat(64), keys[0]!.slice(1), `${keys[0]}0`])
      expect(isPublicPackKey(odd)).toBe(false);
  });
});

describe('the command', () => {
  const run = (args: readonly string[]) => runScript('verify-pack', args, { DATABASE_URL: '' });

  test('says in plain words that a pack is genuine, with code 0, without a database', async () => {
    const { code, out, err } = await withFile(pack, (path) => run([path]));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('is genuine.');
    expect(out).toContain(
      'All 9 files are as they were, nothing is missing or was added, and the signature is right.',
    );
  });

  test('says what is wrong with one that is not, with code 1', async () => {
    const zip = await zipOf(changed('more.txt', Buffer.from('x')));
    const { code, out, err } = await withFile(zip, (path) => run([path]));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('is NOT genuine. Do not rely on it.\n- more.txt was added.');
  });

  test('checks against a public key alone', async () => {
    expect((await withFile(pack, (path) => run([path, '--key', keys[0]!]))).code).toBe(0);
    const other = await withFile(pack, (path) => run([path, '--key', publicPackKey('of someone else')]));
    expect(other).toMatchObject({
      code: 1,
      err: expect.stringContaining('a key that is not expected') as string,
    });
  });

  /** A pipe that nobody writes to. */
  async function makePipe(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'doorstep-pipe-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'pack.zip');
    execFileSync('mkfifo', [path]);
    return path;
  }

  test('a file that is not there is code 1; so is a wrong call', async () => {
    expect(await run(['/nowhere/pack.zip'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no such file') as string,
    });
    for (const path of ['/tmp', '/dev/zero', await makePipe()]) {
      expect(await run([path])).toMatchObject({
        code: 1,
        err: expect.stringContaining('It is no file, but a folder, a pipe or a device.') as string,
      });
    }
    expect(await run([])).toMatchObject({
      code: 1,
      err: expect.stringContaining('Usage: npm run verify-pack') as string,
    });
    expect(await run(['a.zip', 'b.zip'])).toMatchObject({ code: 1 });
    expect(await run(['a.zip', '--key', 'x'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no public key') as string,
    });
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Code 0: it is.') as string,
    });
  });
});
