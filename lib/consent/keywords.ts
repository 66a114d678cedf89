import { dropReaction } from './reaction';

export type InboundMeaning = 'stop' | 'start' | 'help' | 'other';

/**
 * The words Twilio understands by itself, when they are the whole body; it answers them too
 * (help.twilio.com/articles/223134027).
 */
const standardWords: Readonly<Record<string, Exclude<InboundMeaning, 'other'>>> = {
  stop: 'stop',
  unsubscribe: 'stop',
  end: 'stop',
  quit: 'stop',
  stopall: 'stop',
  revoke: 'stop',
  optout: 'stop',
  cancel: 'stop',
  start: 'start',
  unstop: 'start',
  yes: 'start',
  help: 'help',
  info: 'help',
};

/** Words that mean the same when they are all that a sentence says; written without spaces and accents. */
const spokenWords: Readonly<Record<string, Exclude<InboundMeaning, 'other'>>> = {
  ...standardWords,
  sotp: 'stop',
  stpo: 'stop',
  stopit: 'stop',
  stopthis: 'stop',
  stopthat: 'stop',
  stopnow: 'stop',
  endthis: 'stop',
  enditnow: 'stop',
  cancelthis: 'stop',
  unsub: 'stop',
  cease: 'stop',
  desist: 'stop',
  remove: 'stop',
  nomore: 'stop',
  enough: 'stop',
  notinterested: 'stop',
  goaway: 'stop',
  spam: 'stop',
  out: 'stop',
  // Spanish
  alto: 'stop',
  para: 'stop',
  parar: 'stop',
  paren: 'stop',
  pare: 'stop',
  parelo: 'stop',
  cancelar: 'stop',
  cancele: 'stop',
  cancelen: 'stop',
  cancela: 'stop',
  detener: 'stop',
  detenga: 'stop',
  detengan: 'stop',
  detenganse: 'stop',
  basta: 'stop',
  bastaya: 'stop',
  yabasta: 'stop',
  baja: 'stop',
  salir: 'stop',
  terminar: 'stop',
  desuscribir: 'stop',
  desuscribirme: 'stop',
  eliminar: 'stop',
  nomas: 'stop',
  yano: 'stop',
  yanomas: 'stop',
  nomeinteresa: 'stop',
  // French, the other language of the countries served
  arret: 'stop',
  arrete: 'stop',
  arretez: 'stop',
  arreter: 'stop',
  desabonner: 'stop',
  // English and Spanish: start
  resume: 'start',
  restart: 'start',
  optin: 'start',
  subscribe: 'start',
  resubscribe: 'start',
  comenzar: 'start',
  empezar: 'start',
  iniciar: 'start',
  reanudar: 'start',
  // English, Spanish and French: help
  helpme: 'help',
  ayuda: 'help',
  ayudame: 'help',
  informacion: 'help',
  aide: 'help',
};

const courtesies =
  /\b(?:please|pls|plz|plse|thanks|thank you|thx|ty|now|right now|immediately|asap|ok|okay|hi|hello|hey|sorry|just|kindly|por favor|porfavor|gracias|ya mismo|ahora|hola|svp)\b/g;

// "Stop" in these is no request; they are taken out before the rest is read.
const notRequests: readonly RegExp[] = [
  /\b(?:do not|dont|never|did not|didnt|not to)(?: (?:ever|you|mean|want|wish|intend|need|have|try|to))* (?:stop|quit|cancel|end|unsubscribe|remove|opt out|optout|revoke)\b(?: (?:sending|texting|messaging|writing|contacting|updating)(?: (?:me|us))?)?(?: (?:the|these|those|my|your|any))?(?: (?:texts?|messages?|updates?|alerts?|notifications?))?/g,
  /\bno (?:me |nos )?(?:pares?|paren|cancel(?:en|e|es|ar)|detengan?|quiero (?:cancelar|parar)|dej(?:en|e|es) de (?:enviar|mandar|escribir)\w*)\b(?: (?:de enviar|de mandar))?(?: (?:los|estos|sus|mis))?(?: (?:mensajes|textos))?/g,
  /\bnon ?stop\b|\b(?:bus|train|subway|tram|truck|rest|pit|one|last|next|first|tab|full|door) stops?\b|\bstop (?:signs?|by|in|over|off)\b|\bstop at (?!once)/g,
];

const things =
  '(?:texts?|texting|txts?|txting|sms|messages?|mesages?|messaging|msgs?|alerts?|notifications?|updates?|reminders?|spam|subscription)';
const acts =
  '(?:text|texting|txt|txting|message|messaging|msg|msging|send|sending|sms|contact|contacting|write|writing|spam|spamming|bother|bothering|harass|harassing|annoy|annoying|notify|notifying|bug|bugging|blowing up my phone|hitting me up)';
const mensajes = '(?:mensajes?|textos?|sms|alertas?|notificaciones|avisos|recordatorios)';
const enviar = '(?:enviar|mandar|escribir|molestar|contactar|textear|mensajear|llamar)(?:me|nos|los|les)?';
const envien =
  '(?:envi|mand|molest|contact|text|mensaj)e{1,2}(?:s|n)?|escriba(?:s|n)?|notifique(?:s|n)?|sigan (?:enviando|mandando|escribiendo)\\w*';
const textos = '(?:messages?|textos?|sms|alertes?|notifications?)';

const revocations: readonly RegExp[] = [
  // Asking for the texts to end.
  `\\b(?:stop|quit|cease|discontinue|halt|no more)(?: (?:with|all|any|the|these|those|this|that|your|my|of|me|from|sending|getting|receiving|future|further|more|automated|stupid|damn|fucking))* (?:${things}|codes?)\\b`,
  `(?:\\b(?:cancel|terminate|block|disable|remove|turn off)|^end|\\b(?:please|to|you) end)(?: (?:all|any|the|these|those|this|your|my|future|further))* ${things}\\b`,
  `\\b(?:stop|quit|cease)(?: (?:fucking|freaking|damn|always|constantly|and desist))* (?:${acts}|calling)\\b`,
  `\\b(?:do not|dont|never|not to)(?: (?:ever|you|u|dare|start|keep|continue|want you to|need you to))* ${acts}(?: (?:me|us|this|here|anything|any|again|anymore|more|to|${things})\\b|$)`,
  `(?:^no|\\bno (?:more|further)) ${things}(?: (?:to|for|on) (?:me|this|my|us)\\b|$)`,
  `\\b(?:do not|dont|no longer|never|didnt|did not) (?:want|wish|need|like|care|consent|consented|agree|agreed|sign up|signed up|subscribe|subscribed)(?: (?:to|for|get|getting|receive|receiving|any|more|of|your|these|the|this|those|be|been|such|from|you))* (?:${things}|contacted|texted|messaged)\\b`,
  /\b(?:do not|dont|no longer) want (?:this|these|them|any|to be on (?:this|your) list)(?: anymore| any more)?$/,
  /\b(?:never|didnt|did not) (?:sign|signed) up for (?:this|these|that|any of this)$/,
  /\b(?:leave (?:me|us) alone|(?:lose|loose|forget) (?:my|this) number|fuck off|f off|piss off|buzz off|get lost|knock it off)\b/,
  /\b(?:stop|end) (?:it|this|that|everything)(?: (?:all|already|at once|anymore))?$/,
  /^stop (?:at once|already|right away|bothering .*)$/,
  /^no (?:thanks|thank you|thx|gracias|stop)$/,
  /\bstop (?:with )?(?:all )?(?:this|that|the|your) (?:\w+ )?(?:madness|insanity|nonsense|bullshit|bs|shit|crap|garbage|harassment)\b/,
  // Asking to be taken off.
  /\b(?:remove|delete|erase|drop) (?:me|us|(?:my|this) (?:phone |cell |mobile )?(?:number|phone))\b(?! from (?:the|my|this|that|your) (?:\w+ )?(?:application|lease|household|appointment|meeting|waitlist|waiting list))/,
  /\btake (?:me|us|(?:my|this) (?:phone |cell )?number) off\b(?! (?:of )?(?:the|your|this) (?:application|lease|waitlist|waiting list))/,
  /\boff (?:of )?(?:your|this|the) (?:(?:text|texting|sms|call|calling|contact|mailing|marketing|message|spam) )?list\b/,
  /\b(?:unsubscribe|unsubscribed|unsubscribing|unsubcribe|unsuscribe|unsubscibe)\b/,
  /\bopt(?:ing|ed)?(?: (?:me|us|my number|this number))? out\b|\boptout\b/,
  /\b(?:revoke|revoking|withdraw|withdrawing|rescind|cancel)(?: (?:my|all|any|the|prior|previous))* (?:consent|permission|authorization)\b/,
  // Someone else's number: whoever reads the texts never agreed to them.
  /\bwrong (?:number|person)\b/,
  // Spanish
  `\\b(?:no|nunca|ya no)(?: mas)? (?:que )?(?:me|nos)(?: (?:vuelvan? a|vuelvas a))? (?:${envien}|${enviar})\\b`,
  `\\bno (?:vuelvan?|vuelvas) a ${enviar}\\b|\\bno ${enviar} (?:mas|${mensajes})\\b|\\bno (?:${envien}) mas\\b`,
  `\\bno (?:quiero|deseo|queremos) que (?:me|nos) (?:${envien})\\b`,
  `\\b(?:dej(?:a|e|en|ar)|para|pare|paren|parar|basta|alto) (?:ya )?(?:de|a) ${enviar}\\b`,
  `\\b(?:no|ya no) (?:quiero|deseo|queremos)(?: (?:recibir|mas|ningun|estos|esos|sus|tus|los))* (?:${mensajes}|nada)\\b`,
  /\b(?:no|ya no) (?:quiero|deseo) (?:esto|mas|mas esto|recibir mas|recibir esto)$/,
  `\\b(?:no mas|basta (?:de|con)|alto (?:a|con)|cancel(?:ar|a|e|en)|pare|paren|parar|deten(?:er|ga|gan)|suspend(?:er|a|an)|quit(?:ar|e|en|a)|termin(?:ar|e|en))(?: (?:con|de|los|las|estos|esos|sus|tus|mis|la|mi|todos|mas|enviar|mandar))* (?:${mensajes}|suscripcion)\\b`,
  /\b(?:dar(?:me)? de baja|d(?:e|en|a)me de baja|quiero (?:la|mi) baja|desuscri\w+)\b/,
  /\b(?:quit|saqu|borr|elimin|remuev)(?:en|e|a|ar|an) (?:mi|este) (?:numero|telefono|celular)\b|\b(?:quit[ea]n?|saquen?|saca|borr[ea]n?|elimin[ea]n?)me\b/,
  /^(?:ya )?(?:quiero|queremos|deseo) (?:parar|detener|cancelar|terminar|salir|que (?:paren|pare|terminen?))(?: (?:esto|ya))*$/,
  /\b(?:dejenme|dejeme|dejame) (?:en paz|tranquil[oa])\b|\bno (?:me )?molest(?:e|es|en)\b|\b(?:numero|persona) equivocad[oa]\b/,
  // French; "vous n'envoyez pas le code" complains of the contrary
  /(?<!\bvous )\b(?:ne (?:m|me |nous )?|n)(?:envoyez|ecrivez|textez|contactez) (?:plus|pas|jamais)\b/,
  /\bne plus (?:m|me |nous )?(?:envoyer|ecrire|texter|contacter)\b/,
  /\b(?:arretez?|cessez?) (?:de |d)(?:m|me |nous )?(?:envoyer|ecrire|texter|contacter|deranger|harceler)\b/,
  `\\bne (?:veux|voulons|desire|souhaite) (?:plus|pas)(?: (?:de|d|recevoir|vos|ces|des|aucun))* ${textos}\\b`,
  `^(?:plus|arretez?|cessez?|pas)(?: (?:de|d|les|ces|vos|des))+ ${textos}$`,
].map((pattern) => (typeof pattern === 'string' ? new RegExp(pattern) : pattern));

const requestsForHelp =
  /^(?:i |we )?(?:need|want) (?:some )?help\b|\b(?:can|could) (?:you|someone|somebody|anyone) help\b|^help (?:me|with|needed)\b|^(?:who|what) is (?:this|it)$|^whos this$|^necesito ayuda\b|^quien es$|^que es esto$/;

const requestsToResume =
  /^(?:start|resume|restart) (?:sending |the |my |texting )*(?:texts?|texting|messages?|updates?|alerts?|me)(?: again)?$|^(?:start|text me) again$|^(?:opt|sign) me (?:back )?(?:in|up)$|^(?:opt|opting) (?:back )?in$|^i want (?:the |your |my )?(?:texts|messages|updates)(?: again| back)?$/;

const longestBody = 1_600;

/**
 * Reads what an inbound text asks for, in English, Spanish and some French, keyword or plain language; case, accents and
 * punctuation do not matter.
 *
 * Whatever a reasonable person would take for "no more texts" is `stop` (47 CFR 64.1200(a)(10), FCC 24-24). Where a text
 * can be read both ways it is `stop` if it speaks about the messages, the sender's contacting, or says nothing besides
 * ("Stop! I sent it already"), and is not if the word belongs to something else ("cancel my appointment", "the bus stop",
 * "don't stop"). A wrong number is `stop` too. `stop` outweighs `help`, and `help` outweighs `start`, which has to be all
 * that the text says, because it lifts a block. What a phone's reaction quotes ("Liked “Reply STOP to opt out”") is not
 * said by its writer.
 */
export function readInbound(body: string): InboundMeaning {
  const plain = dropReaction(foldText(body.slice(0, longestBody)).trim());
  const sentences = plain
    .split(/[.!?;,:\n()"\u201c\u201d«»\u2026]+|\s-+\s/)
    .map(foldSentence)
    .filter((sentence) => sentence !== '');
  const whole = foldSentence(plain);
  // A stop sign or a raised hand, alone or as a reaction.
  if (/\u{1f6d1}|\u{270b}/u.test(body) && whole === '') return 'stop';

  const texts = [whole, ...sentences];
  if (texts.some(isRevocation)) return 'stop';
  if (sentences.some((sentence) => meaningOf(sentence) === 'help' || requestsForHelp.test(sentence)))
    return 'help';
  if (meaningOf(whole) === 'help') return 'help';
  const request = dropCourtesies(whole);
  return meaningOf(whole) === 'start' || requestsToResume.test(request) ? 'start' : 'other';
}

/** Whether a text that asks for no more texts says that it means all of them: STOPALL, "stop all", "stop everything". */
export function asksForAll(body: string): boolean {
  const words = dropCourtesies(foldSentence(foldText(body.slice(0, longestBody))));
  return /^(?:stop ?all|all stop)\b|\b(?:stop|end|cancel|quit|unsubscribe|opt out)(?: (?:me|us|from|of|sending|texting))* (?:all|everything|every)\b/.test(
    words,
  );
}

/** Tells whether Twilio understands and answers this text by itself, so that we must not answer it a second time. */
export function isStandardKeyword(body: string): boolean {
  return Object.hasOwn(standardWords, body.trim().toLowerCase());
}

function isRevocation(text: string): boolean {
  let rest = text;
  for (const pattern of notRequests) rest = rest.replace(pattern, ' ');
  rest = rest.replace(/ +/g, ' ').trim();
  const request = dropCourtesies(rest);
  if (meaningOf(rest) === 'stop' || isKeywordsWithStop(request)) return true;
  return revocations.some((pattern) => pattern.test(rest) || pattern.test(request));
}

/** Nothing but keywords that contradict each other ("YES STOP"). */
function isKeywordsWithStop(text: string): boolean {
  const words = text.split(' ');
  return (
    words.every((word) => Object.hasOwn(standardWords, word)) &&
    words.some((word) => standardWords[word] === 'stop')
  );
}

function meaningOf(text: string): InboundMeaning | undefined {
  const word = dropCourtesies(text).replace(/ /g, '');
  if (Object.hasOwn(spokenWords, word)) return spokenWords[word];
  // STOPSTOP, STOOOP
  const once = /^(\w{3,12}?)\1+$/.exec(word)?.[1] ?? word.replace(/(.)\1+/gu, '$1');
  return Object.hasOwn(spokenWords, once) ? spokenWords[once] : undefined;
}

function dropCourtesies(text: string): string {
  return text.replace(courtesies, ' ').replace(/ +/g, ' ').trim();
}

/** Whether a text has no words of its writer: it is a reaction to one of ours, or a picture alone. */
export function saysNothing(body: string): boolean {
  return dropReaction(foldText(body.slice(0, longestBody)).trim()).trim() === '';
}

function foldText(body: string): string {
  return body
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/['\u2018\u2019\u201b\u0060\u00b4\u02bc]/g, '')
    .toLowerCase()
    .replace(/(?<=[a-z])0(?=[a-z])/g, 'o'); // ST0P
}

function foldSentence(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
