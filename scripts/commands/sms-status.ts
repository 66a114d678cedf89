import { pathToFileURL } from 'node:url';
import { db } from '@/db/client';
import { readPersonSms, type PersonSms } from '@/lib/reporting/person-sms';
import { readCommandLine } from '../command-line';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = 'npm run sms-status -- name@example.com';

/**
 * Says in seven lines what the texts of one person depend on, for the operator's own terminal: so the number is written in full.
 * `SMS enabled` is `no` too while the number is stopped, for then no text goes out.
 */
export function describePersonSms(person: PersonSms): string {
  const { phone, verified, enabled, stopped, quietHours, lastText, lastAttempt, lastOptOut } = person;
  const lines = [
    `Phone: ${phone ?? 'none'}`,
    `Verified: ${verified ? 'yes' : 'no'}`,
    `SMS enabled: ${enabled && (stopped === null || stopped === 'codes') ? 'yes' : 'no'}`,
    `Quiet hours: ${quietHours ? sayQuietHours(quietHours) : 'off'}`,
    `Last text: ${lastText ? sayEvent(lastText.at, `${lastText.purpose} ${lastText.status}`, lastText.reason) : 'none'}`,
    `Last attempt: ${lastAttempt ? sayEvent(lastAttempt.at, lastAttempt.event, lastAttempt.reason) : 'none'}`,
    `Last opt-out: ${lastOptOut ? sayEvent(lastOptOut.at, `${lastOptOut.act} by ${lastOptOut.channel}`, lastOptOut.words && JSON.stringify(lastOptOut.words)) : 'none'}`,
  ];
  return lines.join('\n');
}

function sayQuietHours({ start, end, timeZone }: NonNullable<PersonSms['quietHours']>): string {
  return `${start}-${end} ${timeZone ?? "in the number's time zone"}`;
}

function sayEvent(at: Date, event: string, reason: string | null): string {
  return `${at.toISOString()} ${event}${reason ? ` (${reason})` : ''}`;
}

function readArguments(args: readonly string[]): string {
  const { word } = readCommandLine(args, {
    usage,
    about:
      'Says what the texts of one person depend on: phone, verified, enabled, quiet hours, last text, last attempt,\n' +
      'and the last opt-out: what was said last, by text, by the carrier or on a page.',
    takesWord: true,
  });
  if (!word) throw new StartProblem(`Usage: ${usage}`);
  return word;
}

async function run(email: string): Promise<void> {
  const person = await readPersonSms(db(), email.trim());
  if (!person) throw new StartProblem(`No account has the email ${email}.`);
  console.log(describePersonSms(person));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, run);
}
