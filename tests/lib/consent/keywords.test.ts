import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStandardKeyword, readInbound } from '@/lib/consent/keywords';
import { renderText, type TemplateName, type TemplateParams } from '@/lib/sms/outbox/text-templates';

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
    'YES STOP',
    'stop start',
    'help stop',
    'No stop',
    'OUT',
    'ST0P',
    'St0p texting me',
    'stop this madness',
    'Stop with all this nonsense please',
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
    'quiero parar',
    'Quiero parar, por favor',
    'quiero que paren',
    'ARRÊT',
    "n'envoyez plus de messages",
    'Ne m’écrivez plus',
    'Merci de ne plus m’envoyer de textos',
    'Arrêtez de m’envoyer des messages',
    'Je ne veux plus recevoir de messages',
    'plus de messages svp',
  ],
  start: [
    'START',
    'start.',
    'Unstop',
    'YES',
    'yes please',
    'Start please',
    'start again',
    'Start again please',
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
    'quiero cancelar mi cita',
    'Vous ne m’envoyez pas le code',
    'Je ne reçois plus de messages',
    'I was out of the office',
    'no stops on the way',
    'start again from the second form?',
    'unit 4b0 is mine',
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

describe('a reaction that a phone sends as a text', () => {
  const url = 'https://portal.example.com/users/sms-preferences';
  const params: TemplateParams = {
    verification: { code: '123456', ttlMinutes: 10, host: 'portal.example.com' },
    optInConfirmation: {},
    phoneChanged: { url },
    applicationStatus: { url },
    documentsNeeded: { url },
    documentsReminder: { url },
    securityNotice: { event: 'your password was changed', url },
    resetFactors: { url },
    test: {},
    stopConfirmation: {},
    stopUpdatesConfirmation: {},
    startConfirmation: { url },
    help: { url },
    answerTaken: { url },
    answerUnclear: { url },
  };
  // Whatever the site is called now: these are names that it may have had.
  const ours = ['Doorstep', 'Elm & Oak: Homes', 'É', 'Ünit 7, Häuser am See'.slice(0, 20)].flatMap((site) =>
    [
      ...Object.entries({ ...params }),
      ['startConfirmation', { url, lifts: 'updates' }] as const,
      ['startConfirmation', { url, lifts: 'codes' }] as const,
    ].map(([name, given]) => renderText(name as TemplateName, { ...given, site } as never).body),
  );
  const english =
    'Liked; Loved; Disliked; Laughed at; Emphasized; Emphasised; Questioned; Removed a like from; Removed a heart from; Removed a dislike from; Removed a laugh from; Removed an exclamation from; Removed a question mark from; Reacted 👍 to; Reacted ❤️ to; Reacted with 👍🏽 to; Reacted ‼️ to; Reacted with a sticker to; 👍 to; \u200a\u200b😂\u200b to; 👨‍👩‍👧 to; Removed 😂 from; Removed a 😂 from';
  const spanish =
    'Le gustó; Le encantó; No le gustó; Le dio risa; Exclamó por; Dudó sobre; Reaccionó con 😂 a; Quitó un corazón de; Eliminó una risa de';
  const french =
    "A aimé; A adoré; N’a pas aimé; N'a pas aimé; A ri de; A souligné; A mis en évidence; A posé une question sur; S’est interrogé(e) sur; A réagi avec 😂 à; A réagi 😂 à; a attribué la mention « J’aime » à; A ajouté un « J’aime » à; A retiré la mention « Adore » de; A retiré la réaction 😂 à; A retiré un cœur de";
  const react = (openings: string, [mark, end]: [string, string]) =>
    openings.split('; ').map((opening) => (quoted: string) => `${opening} ${mark}${quoted}${end}`);
  const reactions = [
    ...react(english, ['“', '”']),
    ...react(english, ['"', '"']),
    ...react(spanish, ['“', '”']),
    ...react(french, ['«\u00a0', '\u00a0»']),
  ];
  const reaction = fc.constantFrom(...reactions);

  it('asks for nothing, whichever of our texts it quotes, whole or cut short', () => {
    for (const react of reactions) {
      for (const body of ours)
        expect([react(body), readInbound(react(body))]).toEqual([react(body), 'other']);
    }
    const cut = fc.tuple(fc.constantFrom(...ours), fc.nat(150), fc.constantFrom('…', '...'));
    fc.assert(
      fc.property(reaction, cut, fc.boolean(), (react, [body, length, ellipsis], isClosed) => {
        const whole = react(body.slice(0, length) + ellipsis);
        const text = isClosed ? whole : whole.slice(0, whole.lastIndexOf(ellipsis) + ellipsis.length);
        expect([text, readInbound(text)]).toEqual([text, 'other']);
      }),
    );
  });

  it('says what its writer adds to it', () => {
    const added = fc.constantFrom(...rows.stop.filter((body) => /^\p{L}/u.test(body)));
    fc.assert(
      fc.property(reaction, fc.constantFrom(...ours), added, (react, body, words) => {
        const text = `${react(body)} ${words}`;
        expect([text, readInbound(text)]).toEqual([text, 'stop']);
      }),
    );
    expect(readInbound(`Questioned “${ours[5]}” who is this?`)).toBe('help');
    expect(readInbound(`Reacted 🛑 to “${ours[5]}”`)).toBe('stop');
  });

  it.each([
    ['stop', 'Stop “Doorstep: this is the test text”'],
    // Not our words that are quoted, so the writer's.
    ['stop', 'Disliked “STOP texting me”'],
    ['stop', 'Loved “STOP”'],
    ['stop', 'Loved “it, stop now…”'],
    ['stop', '> to “stop it…'],
    ['stop', 'STOP\n\n“Doorstep: 12 Elm Street is now: approved.”'],
    ['stop', 'I disliked “Reply STOP to opt out” and I want to opt out'],
    ['stop', 'Disliked “Doorstep: this is the test text" stop texting me'],
    ['stop', '“Reply STOP to opt out”'],
    ['stop', 'Loved it. Now stop'],
    ['stop', 'Liked "unsubscribe" but why not, unsubscribe'],
    ['other', 'Loved an image'],
    ['other', 'Le encantó una imagen'],
  ])('is none unless it has the form of one: %s, %j', (meaning, body) => {
    expect(readInbound(body)).toBe(meaning);
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
