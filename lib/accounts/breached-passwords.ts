import { createHash } from 'node:crypto';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { toNfc } from '@/lib/unicode';

/** For the whole answer; a person waits for it. */
const patienceMs = 500;

/** A padded answer has up to 1,000 lines of 45 characters at most. */
const mostBytes = 256 * 1024;

/** Whether the last answer was none: told once when it begins and once when it ends, not per request. */
let isFailing = false;

/**
 * Whether a password is among those that leaked elsewhere (NIST SP 800-63B-4 §3.1.1.2, OWASP ASVS 5.0 6.2.12), by a service that
 * answers ranges as Have I Been Pwned does, at BREACHED_PASSWORDS_URL: it is told five hexadecimal digits of the SHA-1 and
 * answers all that begin so, as lines of `rest:count`. Where no service is set, and where it does not answer in time or in
 * sense, false: nobody is kept from choosing a password because someone else's server is down.
 */
export async function isBreachedPassword(
  password: string,
  service = env().breachedPasswordsUrl,
): Promise<boolean> {
  if (service === null) return false;
  const hash = createHash('sha1').update(toNfc(password)).digest('hex').toUpperCase();
  const answer = await askRange(`${service}/${hash.slice(0, 5)}`);
  noteService('cause' in answer ? answer.cause : null);
  return 'counts' in answer && (answer.counts.get(hash.slice(5)) ?? 0) > 0;
}

/** Out: how often each rest leaked, 0 for what is padding; or in a word why there is no answer, which names nothing asked for. */
async function askRange(url: string): Promise<{ counts: Map<string, number> } | { cause: string }> {
  try {
    const answer = await fetch(url, {
      headers: { 'Add-Padding': 'true', 'User-Agent': 'Doorstep' },
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      return { cause: `status ${answer.status}` };
    }
    const text = await readText(answer);
    if (text === null) return { cause: 'too long' };
    const lines = text.split('\n').map((line) => /^([0-9A-F]{35}):(\d{1,12})\r?$/i.exec(line));
    const counts = new Map(
      lines.flatMap((line) => (line === null ? [] : [[line[1]!.toUpperCase(), Number(line[2])]])),
    );
    return counts.size === 0 ? { cause: 'not a range' } : { counts };
  } catch (error) {
    return { cause: error instanceof Error ? error.name : 'unknown' };
  }
}

/** Null: it is longer than any answer. */
async function readText(answer: Response): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('latin1');
}

function noteService(cause: string | null): void {
  if (isFailing === (cause !== null)) return;
  isFailing = cause !== null;
  if (cause !== null) openLog().warn('breached_passwords_failing', { cause });
  else openLog().info('breached_passwords_answer_again');
}
