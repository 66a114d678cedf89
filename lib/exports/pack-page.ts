import { explainSent } from '@/lib/sms/dispatch/explain-text';
import type { PackRow, PackSection, SaidGate } from './pack-rows';
import {
  plain,
  sayConsent,
  sayExactly,
  sayGateName,
  sayGateOf,
  sayOptOut,
  sayPurposeOf,
  sayRefusal,
  sayStatusOf,
  sectionWords,
} from './pack-words';

/** What the head of the page says of the whole pack. */
export type PackHead = {
  siteName: string;
  /** The legal person who runs the site; null: not set. */
  operatorName: string | null;
  id: string;
  /** Null: the pack is about a number, or the account is gone. */
  person: { id: string; name: string; email: string } | null;
  isOfNumber: boolean;
  phones: readonly string[];
  /** Of an account: the number that it held when the pack was asked for. */
  held: { phone: string; since: Date } | null;
  from: Date;
  to: Date;
  timeZone: string;
  madeAt: Date;
  /** Null: their account is gone. */
  madeBy: { name: string; email: string } | null;
  version: string;
  publicKey: string;
  counts: Readonly<Record<PackSection, number>>;
};

/** The page up to the rows of its first section. Nothing in it is fetched or run. */
export function writePageHead(head: PackHead): string {
  const { siteName, operatorName, person, phones, timeZone, madeBy, counts } = head;
  const numbers = phones.join(', ');
  const about = person?.name ?? (head.isOfNumber ? numbers : 'someone whose account is gone');
  const moment = (at: Date) => escapeHtml(sayExactly(at, timeZone));
  const sections = Object.keys(counts) as PackSection[];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Evidence about texts: ${escapeHtml(about)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<p class="site">${escapeHtml(siteName)}${operatorName === null || operatorName === siteName ? '' : ` · ${escapeHtml(operatorName)}`}</p>
<h1>Evidence about texts</h1>
<p class="lead">What was kept about texts to <strong>${isolate(about)}</strong>, from ${moment(head.from)} to ${moment(head.to)}.</p>
${writeFacts([
  ['Person', person && `${isolate(person.name)}, ${isolate(person.email)}`],
  ['Account', person && escapeHtml(person.id)],
  [phones.length === 1 ? 'Number' : 'Numbers', numbers === '' ? 'none' : escapeHtml(numbers)],
  ['From', moment(head.from)],
  ['Until before', moment(head.to)],
  ['Made', moment(head.madeAt)],
  ['Made by', madeBy && `${isolate(madeBy.name)}, ${isolate(madeBy.email)}`],
  ['Pack', escapeHtml(head.id)],
  ['Software', `Doorstep ${escapeHtml(head.version)}`],
])}
<ul class="counts">
${sections
  .map((section) => {
    const { title } = sectionWords[section];
    return `<li><a href="#${section}"><b>${counts[section].toLocaleString('en-US')}</b> ${title}</a></li>`;
  })
  .join('\n')}
</ul>
${head.isOfNumber ? '' : `<p class="note">${sayWhatNamesNobody(head)}</p>\n`}<p class="note">Times are those of ${escapeHtml(timeZone.replaceAll('_', ' '))}, with the zone named. The same rows, exact to the microsecond and in UTC, are in the files of JSON and CSV beside this page. What was erased by law is not here: where an account was deleted, a keyed mark stands in the place of its number, and words, names and addresses are gone.</p>
</header>
`;
}

/** Which rows that name no account a person's pack has. */
function sayWhatNamesNobody({ held, timeZone }: PackHead): string {
  const elsewhere = 'A pack of the number has it.';
  if (held === null) {
    return `Texts from a number name no account. This person held no number when the pack was asked for, so what was said by text at their numbers is not here. ${elsewhere}`;
  }
  const since = escapeHtml(sayExactly(held.since, timeZone));
  return `Texts from a number name no account. What was said by text at ${escapeHtml(held.phone)} is here from ${since} on, since this person has held that number from then on. What was said there before, or at another number, may be the words of someone else and is not here. ${elsewhere}`;
}

/** What stands above the rows of a section. */
export function writeSectionHead(section: PackSection, count: number): string {
  const { title, about, none, one } = sectionWords[section];
  const said = count === 1 ? `1 ${one}` : `${count.toLocaleString('en-US')} ${one}s`;
  return `<section id="${section}">
<h2>${title} <span class="count">${said}</span></h2>
<p class="note">${about}</p>
${section === 'messages' ? `<p class="note">Rules, in the order in which they are asked: ${escapeHtml(listRules())}. A text that was sent passed each of them; rules that are no question for such a text count as passed.</p>\n` : ''}${count === 0 ? `<p class="none">${none}</p>\n` : ''}`;
}

function listRules(): string {
  return (explainSent({ status: 'sent' }) ?? []).map(({ gate }) => sayGateName(gate)).join(', ');
}

export const sectionEnd = '</section>\n';

/** The end of the page: how anyone can see that nothing was changed. */
export function writePageEnd({ publicKey, siteName }: Pick<PackHead, 'publicKey' | 'siteName'>): string {
  return `<footer>
<h2>How to check this pack</h2>
<p>The file manifest.json has the SHA-256 of every file, and manifest.sig signs it (Ed25519). The ZIP as a whole is sealed, too. Keep the ZIP as you got it. With the software, <code>npm run verify-pack -- FILE.zip --key ${escapeHtml(publicKey)}</code> says whether everything is as it was, for anyone. Ask ${escapeHtml(siteName)} whether that key is theirs.</p>
<p>This is a record, and no legal advice.</p>
</footer>
</main>
</body>
</html>
`;
}

/** A row on the page. Whatever people wrote is shown as they wrote it, and means nothing to the browser. */
export function writePageRow(section: PackSection, row: PackRow, timeZone: string): string {
  const moment = (name: string) => momentOf(row[name], timeZone);
  switch (section) {
    case 'consents':
      return writeEntry(moment('at'), sayConsent(row.action, row.scope, row.medium), {
        isEarlier: row.in_period === false,
        quote: row.wording,
        facts: [
          ['Number', phoneOf(row.phone)],
          ['Account', textOf(row.user_id)],
          ['Wording', textOf(row.wording_version)],
          ['Its SHA-256', textOf(row.wording_sha256)],
          ['Language', textOf(row.language)],
          ['Sender', textOf(row.sender)],
          ['Legal person', textOf(row.legal_sender)],
          ['Texts come from', textOf(row.sent_from)],
          ['Page', textOf(row.page)],
          ['From address', textOf(row.address)],
          ['Browser', textOf(row.user_agent)],
          ['Receipt', textOf(row.id)],
        ],
      });
    case 'opt-outs':
      return writeEntry(moment('at'), sayOptOut(row.act, row.covers, row.senders, row.channel), {
        isEarlier: row.in_period === false,
        quote: row.words,
        facts: [
          ['Number', phoneOf(row.phone)],
          ['Said to', textOf(row.sender)],
          ['Sender told', textOf(row.said_to)],
          ['Senders it is about', textOf(row.senders)],
          ['Account', textOf(row.user_id)],
          ['Recorded by', row.recorded_by === null ? null : escapeHtml(plain(String(row.recorded_by)))],
          ['Recorded', moment('recorded_at')],
          ['Provider’s id', textOf(row.provider_sid)],
          ['Entry', textOf(row.id)],
        ],
      });
    case 'messages':
      return writeEntry(moment('created_at'), `${sayPurposeOf(row.purpose)}: ${sayStatusOf(row.status)}`, {
        quote: row.text ?? (row.erased_at !== null || row.phone === null ? null : ''),
        facts: [
          [row.direction === 'in' ? 'From' : 'To', phoneOf(row.phone)],
          ['Keyed mark', textOf(row.phone_mark)],
          ['Our side', textOf(row.sender)],
          ['Account', textOf(row.user_id)],
          ['Rules', sayGates(row.gates)],
          ['Held (quiet)', moment('held_by_quiet_hours_at')],
          ['Let through', moment('let_through_at')],
          ['Calls', row.direction === 'in' ? null : sayCalls(row)],
          ['Sent', row.direction === 'in' ? null : moment('sent_at')],
          ['Reported', sayReport(row, moment)],
          ['Why', sayWhyOf(row)],
          ['Repeats', textOf(row.retry_of)],
          ['Price', sayPriceOf(row)],
          ['Provider’s id', textOf(row.provider_sid)],
          ['Text', textOf(row.id)],
          ['Erased by age', moment('erased_at')],
        ],
      });
    case 'limits':
      return writeEntry(moment('at'), sayRefusal(row.event, row.reason), {
        facts: [
          ['Times', row.times === 1 ? null : textOf(row.times)],
          ['Last', row.times === 1 ? null : moment('last_at')],
          ['Number', phoneOf(row.phone)],
          ['Keyed mark', textOf(row.phone_mark)],
          ['Account', textOf(row.user_id)],
          ['From address', textOf(row.address)],
          ['Browser', textOf(row.user_agent)],
          ['Rule', sayDetails(row.details)],
          ['Line', textOf(row.id)],
        ],
      });
  }
}

type Value = PackRow[string] | undefined;
/** What is longer has a line of its own; the others stand in two columns. */
const shortFact = 38;

/** A term and what is said of it, as HTML; null: nothing, and the term is left out. */
type Fact = readonly [term: string, html: string | null];

function writeEntry(
  when: string | null,
  title: string,
  { quote, facts, isEarlier = false }: { quote?: Value; facts: readonly Fact[]; isEarlier?: boolean },
): string {
  const earlier = isEarlier ? ' <span class="tag">before the period</span>' : '';
  const words =
    typeof quote === 'string' && quote !== '' ? `<blockquote>${isolate(quote)}</blockquote>\n` : '';
  return `<article><p class="when">${when ?? 'an unknown time'}</p><div>
<h3>${escapeHtml(title)}${earlier}</h3>
${words}${writeFacts(facts)}
</div></article>
`;
}

function writeFacts(facts: readonly Fact[]): string {
  const said = facts.filter(([, html]) => html !== null);
  const write = ([term, html]: Fact) => {
    const isLong = html!.replace(/<[^>]*>/g, '').length > shortFact;
    return `<div${isLong ? ' class="wide"' : ''}><dt>${term}</dt><dd>${html}</dd></div>`;
  };
  return `<dl>${said.map(write).join('')}</dl>`;
}

function textOf(value: Value): string | null {
  return value === null || value === undefined || value === '' ? null : isolate(String(value));
}

function phoneOf(value: Value): string | null {
  return typeof value === 'string' && value !== '' ? escapeHtml(value) : null;
}

function momentOf(value: Value, timeZone: string): string | null {
  if (typeof value !== 'string') return null;
  return `<time datetime="${escapeHtml(value)}">${escapeHtml(sayExactly(value, timeZone))}</time>`;
}

function sayGates(value: Value): string | null {
  const gates = Array.isArray(value) ? (value as readonly SaidGate[]) : [];
  if (gates.length === 0) return null;
  if (gates.every(({ answer }) => answer === 'pass')) {
    return `All ${gates.length} let it pass`;
  }
  return gates
    .filter(({ answer }) => answer !== 'not_reached' && answer !== 'not_asked')
    .map((gate) => {
      const [about, said] = sayGateOf(gate);
      const isNo = gate.answer === 'refuse' || gate.answer === 'hold';
      const words = `${escapeHtml(about)}: ${escapeHtml(said)}`;
      return isNo ? `<b>${words}</b>` : words;
    })
    .join(' · ');
}

function sayCalls({ calls, faults, look_ups: lookUps, retries }: PackRow): string {
  const parts = [
    String(calls),
    Number(faults) > 0 ? `faults of our own: ${String(faults)}` : null,
    Number(lookUps) > 0 ? `looked up: ${String(lookUps)}` : null,
    Number(retries) > 0 ? `repeated: ${String(retries)}` : null,
  ];
  return escapeHtml(parts.filter(Boolean).join(', '));
}

/** What the provider and the carrier said became of it. */
function sayReport(row: PackRow, moment: (name: string) => string | null): string | null {
  const state = row.provider_status === null ? null : isolate(String(row.provider_status));
  const [delivered, failed] = [moment('delivered_at'), moment('failed_at')];
  const parts = [
    state,
    delivered && `delivered ${delivered}`,
    failed && `${row.status === 'canceled' ? 'withdrawn' : 'failed'} ${failed}`,
  ].filter(Boolean);
  return parts.length === 0 ? null : parts.join(', ');
}

function sayWhyOf({ error_code: code, reason }: PackRow): string | null {
  const parts = [code === null ? null : `error ${String(code)}`, reason && plain(String(reason))].filter(
    Boolean,
  );
  return parts.length === 0 ? null : escapeHtml(parts.join(', '));
}

function sayPriceOf(row: PackRow): string | null {
  if (row.price_usd === null) return null;
  const segments = row.segments === null ? '' : `, segments: ${String(row.segments)}`;
  return escapeHtml(
    `$${String(row.price_usd)} ${row.price_is_settled === true ? 'as reported' : 'as estimated'}${segments}`,
  );
}

function sayDetails(value: Value): string | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const parts = Object.entries(value).filter(([, each]) => each !== null && typeof each !== 'object');
  if (parts.length === 0) return null;
  return parts.map(([name, each]) => `${escapeHtml(plain(name))}: ${isolate(String(each))}`).join(', ');
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (letter) => names[letter]!);
}

/** What people wrote, escaped, so that letters that turn the direction of writing turn nothing around it. */
function isolate(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`;
}

const pageStyle = `
:root { color-scheme: light dark; --ink: #17201e; --quiet: #55605c; --rule: #d8dcd6; --paper: #fff; --canvas: #f4f5f1; --accent: #0b6152; --soft: #eef3f0; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e8edea; --quiet: #a3afaa; --rule: #34403c; --paper: #151c1a; --canvas: #0e1312; --accent: #6fcfb9; --soft: #1d2724; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--canvas); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; overflow-wrap: anywhere; }
main { max-width: 54rem; margin: 2rem auto; padding: 3rem clamp(1rem, 6vw, 4rem); background: var(--paper); border: 1px solid var(--rule); border-radius: 10px; }
.site { margin: 0 0 2.5rem; color: var(--accent); font-weight: 600; letter-spacing: 0.01em; }
h1, h2 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; font-weight: 600; line-height: 1.2; }
h1 { margin: 0 0 0.5rem; font-size: 2.1rem; }
h2 { margin: 0 0 0.4rem; font-size: 1.45rem; }
h3 { margin: 0 0 0.35rem; font-size: 1rem; }
.lead { margin: 0 0 1.75rem; font-size: 1.1rem; color: var(--quiet); }
.lead strong { color: var(--ink); }
dl { margin: 0; }
header dl { border-top: 1px solid var(--rule); }
header dl div { display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; padding: 0.45rem 0; border-bottom: 1px solid var(--rule); }
dt { color: var(--quiet); }
dd { margin: 0; }
.counts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.75rem; margin: 1.75rem 0; padding: 0; list-style: none; }
.counts a { display: block; height: 100%; padding: 0.8rem 1rem; border-radius: 8px; background: var(--soft); color: inherit; text-decoration: none; line-height: 1.3; }
.counts a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.counts b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; color: var(--accent); }
.note, .none { color: var(--quiet); font-size: 0.9rem; max-width: 46rem; margin: 0 0 1rem; }
section { margin-top: 3rem; }
.count { color: var(--quiet); font: 400 0.9rem/1 system-ui, sans-serif; margin-left: 0.4rem; }
article { display: grid; grid-template-columns: 10.5rem 1fr; gap: 1.25rem; padding: 1rem 0; border-top: 1px solid var(--rule); }
article > div { min-width: 0; }
.when { margin: 0; color: var(--quiet); font-size: 0.9rem; font-variant-numeric: tabular-nums; }
article dl { display: grid; grid-template-columns: 1fr 1fr; gap: 0.1rem 1.5rem; }
article dl div { display: grid; grid-template-columns: 7rem 1fr; gap: 0.6rem; align-items: baseline; font-size: 0.82rem; line-height: 1.5; }
article dl .wide { grid-column: 1 / -1; }
blockquote { margin: 0.3rem 0 0.7rem; padding: 0.55rem 0.9rem; border-left: 3px solid var(--accent); background: var(--soft); border-radius: 0 6px 6px 0; white-space: pre-wrap; }
.tag { display: inline-block; padding: 0.05rem 0.5rem; border: 1px solid var(--rule); border-radius: 99px; color: var(--quiet); font-size: 0.75rem; font-weight: 400; }
footer { margin-top: 3.5rem; padding-top: 1.25rem; border-top: 2px solid var(--ink); font-size: 0.9rem; }
footer h2 { font-size: 1.15rem; }
code { font-size: 0.85em; }
@media screen and (max-width: 40rem) { main { margin: 0; border: 0; border-radius: 0; padding: 1.5rem 1rem; } article { grid-template-columns: 1fr; gap: 0.25rem; } article dl { grid-template-columns: 1fr; } article dl div, header dl div { grid-template-columns: 1fr; gap: 0; margin-bottom: 0.25rem; } .counts { grid-template-columns: repeat(2, 1fr); } h1 { font-size: 1.7rem; } .site { margin-bottom: 1.5rem; } }
@media print { body { background: none; font-size: 9.5pt; } main { max-width: none; margin: 0; padding: 0; border: 0; } h1 { font-size: 22pt; } h2 { font-size: 14pt; } article { break-inside: avoid; grid-template-columns: 8.5rem 1fr; padding: 0.6rem 0; } h2, h2 + .note, h3 { break-after: avoid; } .counts a, blockquote { print-color-adjust: exact; -webkit-print-color-adjust: exact; } article dl div { font-size: 8.5pt; } .site { margin-bottom: 1.2rem; } }
@page { margin: 18mm 16mm 20mm; @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt system-ui, sans-serif; color: #55605c; } @bottom-left { content: "Evidence about texts"; font: 8pt system-ui, sans-serif; color: #55605c; } }
`.trim();
