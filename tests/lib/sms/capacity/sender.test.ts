import { expect, test } from 'vitest';
import { developmentSender, startPhone } from '@/lib/sms/capacity/sender';
import { makeEnv, twilioVariables } from '../../../support/texts';

const ours = '+15005550006';
const stopped = '+15005550007';
const twilio = makeEnv('postgresql://localhost/none', twilioVariables('http://localhost:1')).twilio!;
const byNumber = { twilio: { ...twilio, sender: { fromPhone: ours } } };
const byService = { twilio: { ...twilio, sender: { messagingServiceSid: 'MG1' } } };

test.each([
  ['on the console to the one of the development phone', { twilio: null }, null, developmentSender],
  ['to our own number, whatever the STOP was sent to', byNumber, stopped, ours],
  ['of a service to the number that the STOP was sent to', byService, stopped, stopped],
  ['of a service that a carrier blocks to none that is known', byService, 'MG1', null],
  ['of a service that nothing is known of to none', byService, null, null],
])('START is texted %s', (_where, env, stopSender, expected) => {
  expect(startPhone(env, { stopSender })).toBe(expected);
});
