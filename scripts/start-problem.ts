/** Something the person at the terminal can put right: shown as its plain lines, without a stack. */
export class StartProblem extends Error {
  override name = 'StartProblem';
}

/** Someone asked how a command is used: its message is the answer, and nothing else is done. */
export class UsageAsked extends Error {
  override name = 'UsageAsked';
}

/**
 * Prints what went wrong (a StartProblem as its lines alone, anything else with its stack) and ends with code 1. A usage that
 * was asked for is printed to standard output, with code 0.
 */
export function exitWith(error: unknown): never {
  if (error instanceof UsageAsked) {
    console.log(error.message);
    process.exit(0);
  }
  if (error instanceof StartProblem) console.error(error.message);
  else console.error(error);
  process.exit(1);
}

/** The first line of whatever was thrown. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? message;
}
