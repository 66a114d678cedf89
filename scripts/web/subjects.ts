import type { IncomingMessage } from 'node:http';
import { emailKey } from '@/lib/accounts/email';
import { toAsciiDigits } from '@/lib/phone/digits';
import { readFormFields } from './form-fields';
import { laneOf, pathOf } from './lanes';

type Form = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

/** As browsers and React name the fields of a form: `email`, `1_email`, `_1_email`, with whatever is before the last line. */
const subjectField = /(?:^|[^a-z])(email|phone)$/i;
const passwordField = /(?:^|[^a-z])(?:password|currentPassword|newPassword)$/i;

/**
 * Whether something was typed into a field of a form that is for a password, which takes a hash. True as well of a form whose fields
 * cannot be told: none of ours is like that.
 */
export function hasPassword(request: Form, body: Buffer): boolean {
  const fields = readFormFields(request.headers['content-type'], body);
  return (
    fields === null ||
    fields.some(({ names, value }) => value !== '' && names.some((name) => passwordField.test(name)))
  );
}

/** The key of the email typed into a form, of the first where there are more; null: there is none. */
export function findTypedEmail(request: Form, body: Buffer): string | null {
  const fields = readFormFields(request.headers['content-type'], body);
  const isEmail = (name: string) => subjectField.exec(name)?.[1]?.toLowerCase() === 'email';
  const typed = fields?.find(({ names, value }) => value !== '' && names.some(isEmail));
  return typed === undefined ? null : emailKey(readText(typed.value));
}

/**
 * Whose number or email a request is about, as far as it has to wait for those (docs/architecture.md, "Locks"): of a call of
 * Twilio the number that is not ours; of a form the phone and the email typed into it, but for signing in, which
 * waits for no lock. Nothing is checked here. Who names what is not theirs waits in turns with whoever else does.
 */
export function subjectsOf(request: Form, body: Buffer): string[] {
  const path = pathOf(request.url ?? '');
  const lane = laneOf(request);
  if (lane === 'webhooks') {
    const field = path.endsWith('/inbound') ? 'From' : 'To';
    const found = new RegExp(`(?:^|&)${field}=([^&]{1,100})`).exec(body.toString('latin1'));
    return found === null ? [] : [found[1]!];
  }
  if (lane !== 'forms' || path === '/users/login') return [];
  const fields = readFormFields(request.headers['content-type'], body);
  const typed = fields?.flatMap(({ names, value }) =>
    names.flatMap((name) => {
      const field = subjectField.exec(name)?.[1]?.toLowerCase();
      return field === undefined ? [] : [{ field, value }];
    }),
  );
  if (typed === undefined || typed.length > mostSubjects) return [unclear];
  const subjects = typed.map(({ field, value }) => nameSubject(field, readText(value)));
  return [...new Set(subjects)].filter((subject) => subject !== '');
}

/** A form of ours has two of these fields. */
const mostSubjects = 4;

/** Forms that name more than ours do, or cannot be read, wait for each other. */
const unclear = 'unclear';

const longestTyped = 1_000;

function readText(value: string): string {
  return Buffer.from(value.trim().slice(0, longestTyped), 'latin1').toString();
}

/** The same for every spelling: of a number, also with or without the code of its country. */
function nameSubject(field: string, typed: string): string {
  return field === 'email' ? emailKey(typed) : toAsciiDigits(typed).replace(/\D/g, '').slice(-10);
}
