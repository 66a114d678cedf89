import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import {
  assessPassword,
  fewestCharacters,
  mostCharacters,
  type PasswordRefusal,
} from '@/lib/accounts/password-strength';
import { StartProblem } from './start-problem';

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

const refusals: Record<PasswordRefusal, string> = {
  too_short: `This password is too short: use ${fewestCharacters} characters or more.`,
  too_long: `This password is too long: use up to ${mostCharacters} characters.`,
  common: 'This password is easy to guess, because many people use one like it. Choose another.',
  contains_identity:
    'This password is easy to guess, because it is close to the name or email. Choose another.',
};

/** Holds a password to what registration asks of one; throws a StartProblem of one line. */
export function refuseWeakPassword(password: string, identity: { email: string; name: string }): void {
  const strength = assessPassword(password, { list: commonPasswords, ...identity });
  if (!strength.acceptable) throw new StartProblem(refusals[strength.reason]);
}
