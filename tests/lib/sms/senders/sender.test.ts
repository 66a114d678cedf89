import { describe, expect, test } from 'vitest';
import type { TwilioSender } from '@/lib/env';
import {
  developmentSender,
  paceOf,
  senderName,
  senderNamed,
  senderOf,
  sendersOf,
  senderTexted,
  startPhone,
} from '@/lib/sms/senders/sender';
import { makeEnv, twilioVariables } from '../../../support/texts';

const ours = '+15005550006';
const second = '+15005550016';
const stopped = '+15005550007';
const twilio = makeEnv('postgresql://localhost/none', twilioVariables('http://localhost:1')).twilio!;
const settingsOf = (sender: TwilioSender, codesSender: TwilioSender | null = null) => ({
  twilio: { ...twilio, sender, codesSender },
});
const onConsole = { twilio: null };
const byNumber = settingsOf({ fromPhone: ours });
const byService = settingsOf({ messagingServiceSid: 'MG1' });
const byTwoNumbers = settingsOf({ fromPhone: ours }, { fromPhone: second });
const byTwoServices = settingsOf({ messagingServiceSid: 'MG1' }, { messagingServiceSid: 'MG2' });

test.each([
  ['on the console to the one of the development phone', onConsole, 'updates', null, developmentSender],
  ['to our own number, whatever the STOP was sent to', byNumber, 'updates', stopped, ours],
  ['to the number of codes, where those are to come again', byTwoNumbers, 'codes', stopped, second],
  ['to the number of updates, where those are', byTwoNumbers, 'updates', stopped, ours],
  ['of a service to the number that the STOP was sent to', byService, 'updates', stopped, stopped],
  ['of a service that a carrier blocks to none that is known', byService, 'updates', 'MG1', null],
  ['of a service that nothing is known of to none', byTwoServices, 'codes', null, null],
] as const)('START is texted %s', (_where, env, role, stopSender, expected) => {
  expect(startPhone(env, { role, stopSender })).toBe(expected);
});

describe('a second sender', () => {
  test.each([
    ['none: one sends everything', byNumber, ['updates'], 'updates', ours],
    ['codes come from it, and nothing else', byTwoNumbers, ['updates', 'codes'], 'codes', second],
    ['none on the console', onConsole, ['updates'], 'updates', 'console'],
  ] as const)('%s', (_what, settings, all, ofCodes, name) => {
    expect(sendersOf(settings)).toEqual(all);
    expect(senderOf(settings, 'verification')).toBe(ofCodes);
    expect(senderName(settings, senderOf(settings, 'verification'))).toBe(name);
    for (const purpose of ['update', 'notice', 'test', 'reply'] as const) {
      expect(senderOf(settings, purpose)).toBe('updates');
    }
  });

  test.each([
    ['by the number of updates', byTwoNumbers, ours, null, 'updates'],
    ['by the number of codes', byTwoNumbers, second, null, 'codes'],
    ['by a number of the service of updates', byTwoServices, stopped, 'MG1', 'updates'],
    ['by a number of the service of codes', byTwoServices, stopped, 'MG2', 'codes'],
    ['by neither', byTwoServices, stopped, 'MG3', null],
    ['by neither, where nothing but a number is told', byTwoServices, stopped, null, null],
  ] as const)('is known by what a text was sent to: %s', (_how, settings, to, messagingServiceSid, role) => {
    expect(senderTexted(settings, { to, messagingServiceSid })).toBe(role);
    expect(senderNamed(settings, messagingServiceSid ?? to)).toBe(role);
  });

  test('has its own pace', () => {
    const paces = { smsMessagesPerSecond: 1, smsCodesMessagesPerSecond: 10 };
    expect([paceOf(paces, 'updates'), paceOf(paces, 'codes')]).toEqual([1, 10]);
  });
});
