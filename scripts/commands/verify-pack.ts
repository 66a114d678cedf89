import { readCommandLine } from '../command-line';
import { loadSettings } from '../settings';
import { oneLine, StartProblem, UsageAsked } from '../start-problem';
import { isPublicPackKey, publicPackKey } from '@/lib/exports/pack-signature';
import { sayHarmlessly, verifyPack, type PackVerdict } from '@/lib/exports/verify-pack';

const usage = 'npm run verify-pack -- FILE.zip [--key PUBLIC_KEY]';

const about =
  'Says whether an evidence pack is as it was made: every file has the bytes that it had, none is missing or was\n' +
  'added, and the signature is that of this installation, under any secret of AUTH_SECRET. With --key it is checked\n' +
  'against that public key alone, on any machine and without settings.\n\n' +
  'Code 0: it is. Code 1: it is not, or nobody can say.';

function readArguments(args: readonly string[]): { file: string; key: string | null } {
  const { word, key = null } = readCommandLine(args, { usage, about, options: ['key'], takesWord: true });
  if (!word) throw new StartProblem(`Usage: ${usage}`);
  if (key !== null && !isPublicPackKey(key)) {
    throw new StartProblem(
      `--key: '${key.slice(0, 70)}' is no public key: it has 64 digits, 0 to 9 and a to f. Usage: ${usage}`,
    );
  }
  return { file: word, key };
}

/** What is said of a pack, for a person who reads no code. */
export function describeVerdict(file: string, { isGenuine, problems, pack }: PackVerdict): string {
  const facts =
    pack === null
      ? []
      : [
          `Pack ${pack.id}, about ${pack.about || 'an account that is gone'}`,
          `From ${pack.from} until before ${pack.to}, made ${pack.madeAt}`,
        ];
  if (isGenuine && pack !== null) {
    return [
      `${file} is genuine.`,
      ...facts,
      `All ${pack.files} files are as they were, nothing is missing or was added, and the signature is right.`,
    ].join('\n');
  }
  return [
    `${file} is NOT genuine. Do not rely on it.`,
    ...problems.map((problem) => `- ${problem}`),
    ...facts.map((fact) => `What was signed says: ${fact}`),
  ].join('\n');
}

async function run(): Promise<number> {
  let args: ReturnType<typeof readArguments>;
  try {
    args = readArguments(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageAsked) {
      console.log(error.message);
      return 0;
    }
    if (!(error instanceof StartProblem)) throw error;
    console.error(error.message);
    return 1;
  }
  try {
    const keys =
      args.key === null ? loadSettings('production').env.authSecrets.map(publicPackKey) : [args.key];
    const verdict = await verifyPack(args.file, keys);
    const said = describeVerdict(sayHarmlessly(args.file), verdict);
    if (verdict.isGenuine) console.log(said);
    else console.error(said);
    return verdict.isGenuine ? 0 : 1;
  } catch (error) {
    console.error(
      error instanceof StartProblem
        ? error.message
        : `${sayHarmlessly(args.file)}: ${sayHarmlessly(oneLine(error))}`,
    );
    return 1;
  }
}

process.exitCode = await run();
