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
  ceaseanddesist: 'stop',
  discontinue: 'stop',
  remove: 'stop',
  nomore: 'stop',
  enough: 'stop',
  notinterested: 'stop',
  goaway: 'stop',
  spam: 'stop',
  out: 'stop',
  iwantout: 'stop',
  dnc: 'stop',
  donotdisturb: 'stop',
  // Spanish
  alto: 'stop',
  para: 'stop',
  parar: 'stop',
  paren: 'stop',
  pare: 'stop',
  parelo: 'stop',
  parenya: 'stop',
  yaparen: 'stop',
  cancelar: 'stop',
  cancele: 'stop',
  cancelen: 'stop',
  cancela: 'stop',
  detener: 'stop',
  detenga: 'stop',
  detengan: 'stop',
  detenganse: 'stop',
  detengase: 'stop',
  detente: 'stop',
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
  desabonnement: 'stop',
  desabonnezmoi: 'stop',
  desinscrire: 'stop',
  desinscription: 'stop',
  cesser: 'stop',
  cessez: 'stop',
  stopper: 'stop',
  stoppez: 'stop',
  annuler: 'stop',
  assez: 'stop',
  casuffit: 'stop',
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

const longestBody = 1_600;

/** "Stop", "end" and "unsubscribe" of others who live in the countries served, when they are all that a sentence says. */
const stopsOfOthers: ReadonlySet<string> = new Set(
  [
    // Russian and Ukrainian
    'стоп хватит прекратите отписаться відписатися',
    // Chinese, Japanese, Korean
    '停 停止 取消 退订 退訂 取消订阅 取消訂閱 ストップ やめて 配信停止 중지 정지 그만 중단 수신거부 구독취소',
    // Vietnamese, Tagalog, Haitian Creole, Portuguese
    'dừnglại ngừng ngừnglại huỷ itigil tigil hinto tamana sispann kanpe sair',
    // Arabic
    'قف توقف توقفوا إيقاف إلغاء',
  ].flatMap((words) => words.split(' ').map(foldText)),
);

const courtesies =
  /\b(?:please|pls|plz|plse|thanks|thank you|thx|ty|now|right now|immediately|asap|ok|okay|hi|hello|hey|sorry|just|kindly|por favor|porfavor|gracias|ya mismo|ahora|hola|svp)\b/g;

const things =
  '(?:texts?|texting|txts?|txting|sms|messages?|mesages?|messaging|msgs?|alerts?|notifications?|updates?|reminders?|spam|subscription)';
const theTexts = `(?:the|these|those|my|your|all) ${things}`;
const these = `(?:it|this|that|these|those|them|${theTexts})`;
const acts =
  '(?:text|texting|txt|txting|message|messaging|msg|msging|send|sending|sms|contact|contacting|write|writing|spam|spamming|bother|bothering|harass|harassing|annoy|annoying|notify|notifying|bug|bugging|blowing up my phone|hitting me up)';
const threats =
  '\\b(?:sue|suing|lawsuit|lawyer|attorney|fcc|police|cops|court|report you|reporting you|block you|blocking you)\\b';
const again = '(?: (?:already|again|before|once|twice|\\d+ times|many times))?';

const mensajes = '(?:mensajes?|textos?|sms|alertas?|notificaciones|avisos|recordatorios)';
const enviar = '(?:enviar|mandar|escribir|molestar|contactar|textear|mensajear|llamar)(?:me|nos|los|les)?';
const envien =
  '(?:envi|mand|molest|contact|text|mensaj)e{1,2}(?:s|n)?|escriba(?:s|n)?|notifique(?:s|n)?|sigan (?:enviando|mandando|escribiendo)\\w*';
const todo = '(?:cancel(?:ar|e|en|a)|par(?:ar|en|e|a)|deten(?:er|gan|ga)|termin(?:ar|en|e)) todos?';
const textos = '(?:messages?|textos?|sms|alertes?|notifications?)';

// "Stop" in these is no request; they are taken out before the rest is read.
const notRequests: readonly RegExp[] = [
  `(?<!\\b(?:if (?:you|u)|why) )\\b(?:do not|dont|never|did not|didnt|not to|not saying)(?: (?:ever|you|mean|want|wish|intend|need|have|try|to|say|said|ask|asked|tell|told|texted|replied|let ${these}|${these} to))* (?:stop|quit|cancel|end|unsubscribe|remove|opt out|optout|revoke)\\b(?: (?:sending|texting|messaging|writing|contacting|updating)(?: (?:me|us))?)?(?: (?:the|these|those|my|your|any))?(?: (?:texts?|messages?|updates?|alerts?|notifications?))?`,
  /\bno (?:me |nos )?(?:pares?|paren|cancel(?:en|e|es|ar)|detengan?|quiero (?:cancelar|parar)|dej(?:en|e|es) de (?:enviar|mandar|escribir)\w*)\b(?: (?:de enviar|de mandar))?(?: (?:los|estos|sus|mis))?(?: (?:mensajes|textos))?/g,
  /\bnon ?stop\b|\b(?:bus|train|subway|tram|truck|rest|pit|one|last|next|first|tab|full|door) stops?\b|\bstop (?:signs?|by|in|over|off)\b|\bstop at (?!once)/g,
].map((pattern) => (typeof pattern === 'string' ? new RegExp(pattern, 'g') : pattern));

const revocations: readonly RegExp[] = [
  // Asking for the texts to end.
  `\\b(?:stop|quit|cease|discontinue|halt|no more|no calls or)(?: (?:with|(?:phone )?calls (?:and|or)|all|any|the|these|those|this|that|your|my|of|me|from|sending|getting|receiving|future|further|more|automated|stupid|damn|fucking))* (?:(?:${things}|codes?)\\b|(?:communications?|contact)(?: with (?:me|us))?$)`,
  `(?:\\b(?:cancel|terminate|block|disable|remove|turn off)|^end|\\b(?:please|to|you) end)(?: (?:all|any|the|these|those|this|your|my|future|further))* ${things}\\b`,
  `\\b(?:stop|quit|cease)(?: (?:fucking|freaking|damn|always|constantly|and desist))* (?:${acts}|calling)\\b`,
  `\\b(?:do not|dont|never|not to)(?: (?:ever|you|u|dare|start|keep|continue|want you to|need you to|call or|call and|phone or|email or))* ${acts}(?: (?:me|us|this|here|anything|any|again|anymore|more|to|or|${things})\\b|$)`,
  /^no (?:more |further )?contact$/,
  `(?:^no|\\bno (?:more|further)) ${things}(?: (?:to|for|on) (?:me|this|my|us)\\b|$)`,
  `\\b(?:do not|dont|no longer|never|didnt|did not) (?:want|wish|need|like|care|consent|consented|agree|agreed|sign up|signed up|subscribe|subscribed)(?: (?:to|for|get|getting|receive|receiving|any|more|of|your|these|the|this|those|be|been|such|from|you))* (?:${things}|contacted|texted|messaged)\\b`,
  /\b(?:do not|dont|no longer) want (?:this|these|them|any|to be on (?:this|your) list)(?: anymore| any more)?$/,
  /\b(?:never|didnt|did not) (?:sign|signed) up for (?:this|these|that|any of this)$/,
  /\b(?:leave (?:me|us) alone|(?:lose|loose|forget) (?:my|this) number|fuck off|f off|piss off|buzz off|get lost|knock it off)\b/,
  /\b(?:stop|end|quit) (?:it|this|that|everything)(?: (?:all|already|at once|anymore))?$/,
  /^stop (?:at once|already|right away|bothering .*)$/,
  /^no (?:thanks|thank you|thx|gracias|stop)$/,
  /\bstop (?:with )?(?:all )?(?:this|that|the|your) (?:\w+ )?(?:madness|insanity|nonsense|bullshit|bs|shit|crap|garbage|harassment)\b/,
  // "I told you to stop", "the texts have to stop", "why don't you stop"
  `\\b(?:i|we)(?: (?:have|already|just|did|clearly|keep|also))* (?:said|say|saying|typed|texted|wrote|replied|sent) (?:to )?(?:stop|unsubscribe|stopall)${again}$`,
  `\\b(?:told|asked|telling|asking|tell|ask|beg|begging|want|need|like) (?:you|u|yall)(?: guys| people| all)?${again} to (?:stop|quit|unsubscribe)${again}$`,
  `\\b(?:(?:can|could|would|will|wont|cant|why do not|why dont) (?:you|u|yall)|(?:you|u|yall) (?:need to|have to|must|should|better))(?: (?:just|ever|all))* (?:stop|quit)$`,
  `\\b(?:want|need|like|make|get|let|can|will|wont) ${theTexts} (?:to |ever )?(?:stop|end)$|\\b${theTexts} (?:need to|have to|must|should|better) (?:stop|end)$`,
  /^(?:i|we|id)(?: (?:really|just|would))* (?:want|need|like|wish) to (?:stop|unsubscribe)$/,
  // "Stop I got the place", "not me stop": the word stands before or after a sentence of its own.
  /^stop (?:i|im|ive|ill|id|we|were|weve|you|u|thats|this is|it is|its|not|no|wrong|bye|goodbye|dont|enough|already|never|he|she|they|my (?:phone|name)|what the|or else)\b/,
  /\b(?:not me|not mine|anymore|any more|interested|alone|enough|wrong (?:number|person)|i moved|bye) stop$/,
  // "End all": nothing is named that would not be texts.
  /^(?:stop|end|cancel|quit|revoke|unsubscribe|opt out|cease|terminate)(?: (?:me|us|from|of))* (?:all|everything|it all|all of (?:it|this|them|these))$/,
  `^${todo}$`,
  // "I'll sue if you text me again"
  `^(?=.*${threats}).*\\bif (?:you|u|yall)(?: (?:dare|ever|keep|continue|to|even))* ${acts} (?:me|us|this number)\\b`,
  `^${acts} (?:me|us) (?:again|one more time) and .*${threats}`,
  /\bif (?:you|u) (?:do not|dont) stop\b/,
  // Asking to be taken off.
  /\bdnc\b|\bdo not (?:call|contact|text|disturb) (?:list|registry)\b/,
  /\bremove(?: me)? from (?:all |your |this |the )?(?:(?:text|texting|sms|call|calling|contact|mailing|marketing|message|spam) )?lists?$/,
  /\b(?:remove|delete|erase|drop) (?:me|us|(?:my|this) (?:phone |cell |mobile )?(?:number|phone))\b(?! from (?:the|my|this|that|your) (?:\w+ )?(?:application|lease|household|appointment|meeting|waitlist|waiting list))/,
  /\b(?:my|this) number (?:removed|deleted|taken off)$|\btake my name off$/,
  /\btake (?:me|us|(?:my|this) (?:phone |cell )?number) off\b(?! (?:of )?(?:the|your|this|my) (?:application|lease|waitlist|waiting list))/,
  /\boff (?:of )?(?:your|this|the) (?:(?:text|texting|sms|call|calling|contact|mailing|marketing|message|spam) )?list\b/,
  /\b(?:unsubscribe|unsubscribed|unsubscribing|unsubcribe|unsuscribe|unsubscibe)\b/,
  /\bopt(?:ing|ed)?(?: (?:me|us|my number|this number))? out\b|\boptout\b/,
  /\b(?:revoke|revoking|withdraw|withdrawing|rescind|cancel)(?: (?:my|all|any|the|prior|previous))* (?:consent|permission|authorization)\b/,
  /\bconsent (?:is |was |has been |hereby |now )*(?:revoked|withdrawn|rescinded)\b/,
  `\\b(?:do not|dont|no longer|never) (?:have|give|gave|had)(?: you)?(?: my| any)? (?:consent|permission)(?: (?:to|for)(?: (?:this|that|these|contact|${acts}|me|us))*)?$`,
  /\b(?:do not|dont|no longer) consent(?: to (?:this|that|these|any of this))?$/,
  // Someone else's number: whoever reads the texts never agreed to them.
  /\bwrong (?:(?:phone |cell )?number|num|person)\b|\b(?:not|isnt|aint) my (?:phone )?number\b/,
  // Spanish
  `^(?:favor (?:de )?)?(?:ya )?no (?!llam)(?:${enviar}|escriban?|envien|manden|contacten|texteen)(?: (?:nada|por aqui|${mensajes}))?$`,
  /\b(?:revoco|retiro) (?:mi |el )?(?:consentimiento|permiso|autorizacion)\b|\bno es mi (?:numero|telefono|celular)\b/,
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
  /\b(?:dejenme|dejeme|dejame) (?:en paz|tranquil[oa])\b|\bno (?:me )?molest(?:e|es|en|ar|arme)\b|\b(?:numero|persona) equivocad[oa]\b/,
  // French; "vous n'envoyez pas le code" complains of the contrary
  /(?<!\bvous )\b(?:ne (?:m|me |nous )?|n)(?:envoyez|ecrivez|textez|contactez) (?:plus|pas|jamais)\b/,
  /\bne plus (?:m|me |nous )?(?:envoyer|ecrire|texter|contacter)\b/,
  /\b(?:arretez?|cessez?) (?:de |d)(?:m|me |nous )?(?:envoyer|ecrire|texter|contacter|deranger|harceler)\b/,
  `\\bne (?:veux|voulons|desire|souhaite) (?:plus|pas)(?: (?:de|d|recevoir|vos|ces|des|aucun))* ${textos}\\b`,
  /\b(?:mauvais|faux) numero\b|\blaissez? (?:moi|nous) tranquilles?\b|\bdesabonnez? (?:moi|nous)\b|\barretez? (?:ca|tout)$/,
  /\b(?:retirez|enlevez|supprimez|otez) (?:moi|nous|(?:mon|ce) numero)(?: de (?:la|votre|vos|cette) listes?)?$/,
  `^(?:plus|arretez?|cessez?|pas)(?: (?:de|d|les|ces|vos|des))+ ${textos}$`,
].map((pattern) => (typeof pattern === 'string' ? new RegExp(pattern) : pattern));

const requestsForHelp =
  /^(?:i |we )?(?:need|want) (?:some )?help\b|\b(?:can|could) (?:you|someone|somebody|anyone) help\b|^help (?:me|with|needed)\b|^(?:who|what) is (?:this|it)$|^whos this$|^necesito ayuda\b|^quien es$|^que es esto$/;

const requestsToResume =
  /^(?:start|resume|restart) (?:sending |the |my |texting )*(?:texts?|texting|messages?|updates?|alerts?|me)(?: again)?$|^(?:start|text me) again$|^(?:opt|sign) me (?:back )?(?:in|up)$|^(?:opt|opting) (?:back )?in$|^i want (?:the |your |my )?(?:texts|messages|updates)(?: again| back)?$/;

const saysAll = new RegExp(
  `^(?:stop ?all|all stop)\\b|\\b(?:stop|end|cancel|quit|revoke|unsubscribe|opt out)(?: (?:me|us|from|of|sending|texting|it))* (?:all|everything|every)\\b|\\b${todo}\\b`,
);

/** What asks for an end of the texts only where nothing else is said: "Do not call. Text me." and "The tour? Cancel it." do not. */
const revocationsAlone: readonly RegExp[] = [
  /^(?:do not|dont)(?: (?:ever|you))* call(?: (?:me|us|this|number|here|again|anymore|any more|ever))*$|^no llam(?:en?|ar)(?: mas)?$/,
  /^cancel it$|^(?:i|we|id)(?: (?:really|just|would))* (?:want|need|like|wish) to (?:quit|cancel|end)$/,
  new RegExp(
    `^(?:(?:i|we|id|would|can you|could you|when) )*(?:want|need|like|tell|ask|make|will|wont|can) ${these} (?:to |ever )?stop$`,
  ),
  new RegExp(`^${these} (?:needs?|has|have|got|must|should|better)(?: to)? (?:stop|end)$`),
];

/** Alone or as a reaction: a stop sign, a raised hand, no entry, forbidden, no phones, a bell crossed out. */
const stopSigns = /[\u{1f6d1}\u{270b}\u{26d4}\u{1f6ab}\u{1f4f5}\u{1f515}]/u;

/**
 * Reads what an inbound text asks for, in English, Spanish and some French, keyword or plain language, and "stop" in some more
 * languages; case, accents and punctuation do not matter, nor do letters of another alphabet that look the same.
 *
 * Whatever a reasonable person would take for "no more texts" is `stop` (47 CFR 64.1200(a)(10), FCC 24-24). Where a text
 * can be read both ways it is `stop` if it speaks about the messages, the sender's contacting, or says nothing besides
 * ("Stop! I sent it already"), and is not if the word belongs to something else ("cancel my appointment", "the bus stop",
 * "don't stop"). "Stop" before a sentence of its own needs no comma ("Stop I found another place"). A wrong number is `stop` too. `stop` outweighs `help`, and `help` outweighs `start`, which has to be all
 * that the text says, because it lifts a block. What a phone's reaction quotes ("Liked “Reply STOP to opt out”") is not
 * said by its writer.
 */
export function readInbound(body: string): InboundMeaning {
  const plain = foldLetters(dropReaction(foldText(body).trim()));
  const sentences = plain
    .split(/[.!?;,:\n()"\u201c\u201d«»\u2026]+|\s-+\s/)
    .map(foldSentence)
    .filter((sentence) => sentence !== '');
  const whole = foldSentence(plain);
  if (stopSigns.test(body) && whole === '') return 'stop';

  const texts = [whole, ...sentences];
  if (texts.some(isRevocation)) return 'stop';
  const request = dropCourtesies(whole);
  if (revocationsAlone.some((pattern) => pattern.test(request))) return 'stop';

  if (sentences.some((sentence) => meaningOf(sentence) === 'help' || requestsForHelp.test(sentence)))
    return 'help';
  if (meaningOf(whole) === 'help') return 'help';
  return meaningOf(whole) === 'start' || requestsToResume.test(request) ? 'start' : 'other';
}

/** Whether a text that asks for no more texts says that it means all of them: STOPALL, "stop all", "stop everything". */
export function asksForAll(body: string): boolean {
  const words = dropCourtesies(foldSentence(foldLetters(foldText(body))));
  return saysAll.test(words);
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
  if (stopsOfOthers.has(word)) return 'stop';
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
  return dropReaction(foldText(body).trim()).trim() === '';
}

function foldText(body: string): string {
  return body
    .slice(0, longestBody)
    .replace(/\u00b4/g, "'") // which is a space and an accent to NFKD
    .normalize('NFKD')
    .slice(0, 3 * longestBody) // a Korean syllable becomes three letters, one sign of Arabic eighteen
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .replace(/['\u2018\u2019\u201b\u2032\u0060\u02bc]/g, '')
    .toLowerCase();
}

/** Cyrillic and Greek letters that look like Latin ones in lower or upper case, and small capitals, each with the Latin one. */
const lookAlikes: ReadonlyMap<string, string> = new Map(
  [
    'аa вb сc ԁd еe һh нh іi јj кk ӏl мm оo рp ԛq ѕs тt ѵv ԝw хx уy',
    'αa βb ϲc εe ηn ιi κk μm νn οo ρp τt υu χx',
    'ᴀa ʙb ᴄc ᴅd ᴇe ɪi ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu',
  ].flatMap((pairs) => pairs.split(' ').map((pair): [string, string] => [pair[0]!, pair[1]!])),
);

/** Letters on black or blue, as emoji have them: in circles, in squares, and as halves of flags. */
const emojiLetters = /[\u{1f150}-\u{1f169}\u{1f170}-\u{1f189}\u{1f1e6}-\u{1f1ff}]/gu;

/** Letters that only look like Latin ones become those, in words that are Latin then; so do signs that are read as letters. */
function foldLetters(text: string): string {
  return text
    .replace(emojiLetters, (sign) => {
      const point = sign.codePointAt(0)!;
      return String.fromCharCode(97 + (point < 0x1f1e6 ? (point - 0x1f150) % 32 : point - 0x1f1e6));
    })
    .replace(/[\p{L}\d]+/gu, (word) => {
      const latin = Array.from(word, (letter) => lookAlikes.get(letter) ?? letter).join('');
      return /^[a-z\d]+$/.test(latin) ? latin : word;
    })
    .replace(/(?<=[a-z])0(?=[a-z])/g, 'o') // ST0P
    .replace(/\b(wrong|my|this) ?#/g, '$1 number');
}

function foldSentence(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
