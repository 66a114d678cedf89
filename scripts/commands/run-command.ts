import { exitWith, oneLine, StartProblem, UsageAsked } from '../start-problem';
import type { DatabaseUrls } from '../prepare-database';
import { withDatabase } from '../with-database';

/**
 * Runs a command that a person types: reads its arguments before anything is started, then runs it with the database
 * (see withDatabase). Whatever goes wrong is one plain line on standard error and code 1.
 */
export async function runCommand<Arguments>(
  readArguments: (args: readonly string[]) => Arguments,
  run: (args: Arguments, urls: DatabaseUrls) => Promise<void>,
): Promise<never> {
  let args: Arguments;
  try {
    args = readArguments(process.argv.slice(2));
  } catch (error) {
    return exitWith(plainly(error));
  }
  return withDatabase(async (urls) => {
    try {
      await run(args, urls);
    } catch (error) {
      throw plainly(error);
    }
  });
}

function plainly(error: unknown): Error {
  if (error instanceof StartProblem || error instanceof UsageAsked) return error;
  // A database error's own message repeats the statement; what lies beneath it says what was wrong.
  return new StartProblem(
    oneLine(error instanceof Error && error.cause instanceof Error ? error.cause : error),
  );
}
