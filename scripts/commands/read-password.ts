import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { isBreachedPassword } from '@/lib/accounts/breached-passwords';
import { assessPassword, passwordErrors } from '@/lib/accounts/password-strength';
import { StartProblem } from '../start-problem';

/** Asks for a new password: twice and without showing it at a terminal, as one plain line when it is piped in. */
export async function readPassword(
  input: NodeJS.ReadStream | NodeJS.ReadableStream,
  prompt: NodeJS.WritableStream,
): Promise<string> {
  const isTerminal = 'isTTY' in input && input.isTTY;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: isTerminal });
  let interrupted = false;
  lines.on('SIGINT', () => {
    interrupted = true;
    lines.close();
  });
  const iterator = lines[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<string> => {
    if (isTerminal) prompt.write(question);
    const { value, done } = await iterator.next();
    if (isTerminal) prompt.write('\n');
    if (interrupted) throw new StartProblem('Nothing was changed.');
    if (done || value === '') throw new StartProblem('No password was given on standard input.');
    return value;
  };
  try {
    const password = await ask('Password: ');
    if (isTerminal && (await ask('The same again: ')) !== password) {
      throw new StartProblem('The two passwords differ. Nothing was changed.');
    }
    return password;
  } finally {
    lines.close();
  }
}

/** Refuses a password that leaked elsewhere, where a service is set that knows; throws a StartProblem of one line. */
export async function refuseBreachedPassword(password: string): Promise<void> {
  if (await isBreachedPassword(password)) throw new StartProblem(passwordErrors.breached);
}

/** Holds a password to what registration asks of one; throws a StartProblem of one line. */
export function refuseWeakPassword(
  password: string,
  about: { siteName: string; email: string; name: string },
): void {
  const strength = assessPassword(password, { list: commonPasswords, ...about });
  if (!strength.acceptable) throw new StartProblem(passwordErrors[strength.reason]);
}
