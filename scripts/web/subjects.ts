import type { IncomingMessage } from 'node:http';
import { emailKey } from '@/lib/accounts/email';
import { laneOf, pathOf } from './lanes';

/** As browsers and React name the fields of a multipart form: `email`, `1_email`, `_1_email`. */
const typedFields = /name="(?:_?\d+_)?(email|phone)"\r\n\r\n([^\r\n]{1,320})/g;

const passwordField = '(?:_?\\d+_)?(?:password|currentPassword|newPassword)';

/** As a part of a multipart form, with whatever headers, or as a field of an encoded one. */
const typedPassword = new RegExp(
  `name="?${passwordField}"?(?:[;\\s][^\\r\\n]*)?\\r\\n(?:[^\\r\\n]+\\r\\n)*\\r\\n[^\\r\\n]|(?:^|&)${passwordField}=[^&]`,
  'i',
);

/** Whether something was typed into a field of a form that is for a password, which takes a hash. */
export function hasPassword(body: Buffer): boolean {
  return typedPassword.test(body.toString('latin1'));
}

/**
 * Whose number or email a request is about, as far as it has to wait for those (docs/architecture.md, "Locks"): of a call of
 * Twilio the number that is not ours; of a form the phone and the email typed into it, but for signing in, which
 * waits for no lock. Nothing is checked here. Who names what is not theirs waits in turns with whoever else does.
 */
export function subjectsOf(request: Pick<IncomingMessage, 'method' | 'url'>, body: Buffer): string[] {
  const path = pathOf(request.url ?? '');
  const lane = laneOf(request);
  if (lane === 'webhooks') {
    const field = path.endsWith('/inbound') ? 'From' : 'To';
    const found = new RegExp(`(?:^|&)${field}=([^&]{1,100})`).exec(body.toString('latin1'));
    return found === null ? [] : [found[1]!];
  }
  if (lane !== 'forms' || path === '/users/login') return [];
  const typed = [...body.toString().matchAll(typedFields)].slice(0, mostSubjects);
  const subjects = typed.map(([, field, value = '']) =>
    field === 'email' ? emailKey(value) : digitsOf(value),
  );
  return [...new Set(subjects)].filter((subject) => subject !== '');
}

/** A form of ours has two of these fields. */
const mostSubjects = 4;

/** However it is spelled, with or without the code of its country. */
function digitsOf(phone: string): string {
  return phone.replace(/\D/g, '').slice(-10);
}
