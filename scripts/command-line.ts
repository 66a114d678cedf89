import { parseArgs } from 'node:util';
import { StartProblem, UsageAsked } from './start-problem';

/** What a command says of itself. */
export type CommandLine<Option extends string> = {
  /** How it is typed, such as `npm run set-password -- --email …`. */
  usage: string;
  /** What it does, for `--help`: lines of at most 100 characters. */
  about: string;
  /** The options that it knows, each with a value. */
  options?: readonly Option[];
  /** Whether it takes one word that belongs to no option. */
  takesWord?: boolean;
};

/**
 * Reads a command's arguments. What is not given is left out.
 *
 * @throws UsageAsked for `--help`, whatever else is there; a StartProblem of one line for what the command does not know
 */
export function readCommandLine<Option extends string = never>(
  args: readonly string[],
  { usage, about, options = [], takesWord = false }: CommandLine<Option>,
): { [Name in Option]?: string } & { word?: string } {
  if (args.includes('--help') || args.includes('-h')) throw new UsageAsked(`Usage: ${usage}\n\n${about}`);
  const refuse = (problem: string): never => {
    throw new StartProblem(`${problem} Usage: ${usage}`);
  };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.fromEntries(options.map((name) => [name, { type: 'string' as const }])),
      allowPositionals: takesWord,
    });
    if (positionals.length > 1) refuse(`Unexpected argument '${positionals[1]}'.`);
    return { ...(values as { [Name in Option]?: string }), word: positionals[0] };
  } catch (error) {
    if (error instanceof StartProblem || !(error instanceof Error)) throw error;
    // Node goes on about how to write what nobody meant.
    return refuse(`${error.message.split(/\. |\.?\n|\.$/)[0]}.`);
  }
}

/** The account that `--email` names; throws a StartProblem of one line when it names none. */
export function requireEmail(email: string | undefined, usage: string): string {
  const given = email?.trim();
  if (!given) throw new StartProblem(`--email: Give the email of the account. Usage: ${usage}`);
  return given;
}
