import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStandardKeyword, readInbound } from '@/lib/consent/keywords';

const rows = {
  stop: [
    'STOP',
    'stop',
    ' Stop. ',
    'STOP!!!',
    'S T O P',
    'STOOOOP',
    'stop stop stop',
    'StopAll',
    'stop all',
    'UNSUBSCRIBE',
    'End',
    'quit',
    'Revoke',
    'opt out',
    'Opt-Out',
    'OPTOUT',
    'cancel',
    'Please cancel',
    'stop please',
    'Please stop texting me',
    'plz stop txting me',
    'Stop it',
    'stop this now',
    'Stop at once!',
    'STOP MESSAGING ME!!',
    'stop sending me these texts',
    'Stop! I already sent the documents',
    'ok, stop',
    'can you stop this?',
    'would you please quit sending me messages',
    'no more',
    'No more texts',
    'no more messages please',
    'No texts',
    'remove me',
    'please remove me from your list',
    'Remove my number',
    'delete my number from your system',
    'take me off this list',
    'Take my number off',
    "don't text me again",
    'Don’t text me',
    'do not message me anymore',
    'Do not contact me',
    'dont ever text me',
    "don't send me any more messages",
    "don't start texting me again",
    "don't want these texts",
    'I no longer wish to receive messages',
    'I do not want to be contacted',
    "I didn't sign up for this",
    'I never agreed to these messages',
    'leave me alone',
    'lose my number',
    'go away',
    'not interested',
    'No thanks',
    'Enough!',
    'unsubscribe me please',
    'how do I unsubscribe?',
    'I want to opt out of these texts',
    'please opt me out',
    'I revoke my consent',
    'I withdraw my permission to text me',
    'cancel my subscription',
    'cancel these alerts',
    'turn off the notifications',
    'Wrong number',
    'you have the wrong person',
    'why wont you stop texting me',
    "I can't stop these texts",
    'help me stop these messages',
    'Yes, stop',
    'HELP! STOP!',
    "don't stop by, and stop texting me",
    'fuck off',
    '🛑',
    '🛑🛑🛑',
    'ＳＴＯＰ',
    'Stop\nsent from my phone',
    'Alto',
    'ALTO POR FAVOR',
    'parar',
    'Pare',
    'cancelar',
    '¡Basta!',
    'Basta ya',
    'detener',
    'no más',
    'No más mensajes',
    'No me envíen más mensajes',
    'no me envien mas mensajes por favor',
    'ya no me manden mensajes',
    'no me escriban más',
    'No me molesten',
    'no quiero recibir más mensajes',
    'no quiero que me envíen textos',
    'no quiero más mensajes',
    'Dejen de enviarme mensajes',
    'deja de escribirme',
    'paren de mandarme mensajes',
    'quiero darme de baja',
    'BAJA',
    'quítenme de la lista',
    'eliminen mi número',
    'cancelar los mensajes',
    'cancelar mi suscripción',
    'Déjenme en paz',
    'número equivocado',
    'no vuelvan a escribirme',
    'ARRÊT',
  ],
  start: [
    'START',
    'start.',
    'Unstop',
    'YES',
    'yes please',
    'Start please',
    'start texting me again',
    'Resume texts',
    'text me again',
    'opt me back in',
    'opt in',
    'reanudar',
    'Comenzar',
  ],
  help: [
    'HELP',
    'help!',
    'Help me',
    'help please',
    'INFO',
    'ayuda',
    'Ayuda por favor',
    'información',
    'I need help',
    'Hi. I need help with the form',
    'who is this?',
    'What is this?',
    "who's this",
    'necesito ayuda',
    'Can someone help me?',
  ],
  other: [
    '',
    '   ',
    '...',
    'ok',
    'Thanks!',
    'no',
    '123456',
    "don't stop",
    "Please don't stop sending updates",
    'do not unsubscribe me',
    "I don't want to unsubscribe",
    "I didn't mean to opt out",
    "I don't want to stop the texts",
    'never stop!',
    'it rained non-stop',
    'nonstop flight',
    'the bus stop is closed',
    "I'll stop by the office tomorrow",
    'Can I stop in at noon?',
    'stop by anytime',
    'one stop shop',
    'I ran a stop sign',
    'cancel my appointment',
    'Please cancel my application',
    'can I cancel the meeting on Friday',
    'at the end of the month',
    'In the end your message helped',
    'I quit my job, do I need to update the form?',
    "I didn't get the message",
    'I got no messages',
    'I did not request a code',
    'the code does not work',
    "don't call me, text me",
    'take me off the waiting list',
    'remove me from the lease',
    'thanks for your help',
    'very helpful',
    'Yes I sent the form yesterday',
    'when do you start?',
    'I will start on Monday',
    'Is there more info on this?',
    'removed the old document',
    'my wife will send it',
    'I dont text much, is email fine?',
    'no paren',
    'no dejen de enviarme mensajes',
    'no quiero cancelar',
    'no me enviaron el código',
    'no mandé los documentos',
    '¿Para cuándo es la cita?',
    'gracias',
    'sí',
    'la parada del autobús está cerrada',
    'ya envié los mensajes',
    'ya no recibo mensajes',
  ],
} as const;

describe('what an inbound text means', () => {
  for (const [meaning, bodies] of Object.entries(rows)) {
    it.each(bodies)(`${meaning}: %j`, (body) => {
      expect(readInbound(body)).toBe(meaning);
    });
  }

  const keywords = {
    stop: ['stop', 'quit', 'end', 'revoke', 'opt out', 'cancel', 'unsubscribe', 'stopall', 'optout'],
    start: ['start', 'unstop', 'yes'],
    help: ['help', 'info'],
  };
  it.each(Object.entries(keywords))(
    'every %s keyword counts in any case and with any punctuation around it',
    (meaning, words) => {
      const mark = fc.array(fc.constantFrom(' ', '.', '!', '?', '\n', '"', '-', ',', '…', '😀'), {
        maxLength: 4,
      });
      const dressed = fc
        .tuple(fc.constantFrom(...words), mark, mark, fc.infiniteStream(fc.boolean()))
        .map(([word, before, after, upper]) => {
          const cased = [...word]
            .map((letter) => (upper.next().value ? letter.toUpperCase() : letter))
            .join('');
          return before.join('') + cased + after.join('');
        });
      fc.assert(fc.property(dressed, (body) => readInbound(body) === meaning));
    },
  );

  it('answers for any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (body) => {
        expect(['stop', 'start', 'help', 'other']).toContain(readInbound(body));
      }),
    );
  });

  it('reads the longest of texts, made to be hard to read, in a moment', () => {
    const hard = ['do not want to ', 'stop the these my ', 'no quiero recibir mas ', 'stop', 'a', '-- '];
    for (const part of hard) {
      const startedAt = performance.now();
      readInbound(part.repeat(20_000));
      expect(performance.now() - startedAt).toBeLessThan(500);
    }
  });
});

describe('which texts Twilio answers by itself', () => {
  it.each([
    'STOP',
    'stop',
    ' Stop\n',
    'UNSUBSCRIBE',
    'End',
    'QUIT',
    'StopAll',
    'REVOKE',
    'OPTOUT',
    'cancel',
    'START',
    'Unstop',
    'yes',
    'HELP',
    'info',
  ])('a keyword that is the whole body: %j', (body) => {
    expect(isStandardKeyword(body)).toBe(true);
  });

  it.each(['stop please', 'please stop', 'STOP!', 'opt out', 'parar', 'toString', '__proto__', ''])(
    'not %j',
    (body) => {
      expect(isStandardKeyword(body)).toBe(false);
    },
  );
});
