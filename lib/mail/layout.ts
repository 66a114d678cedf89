import type { MailContent } from './templates';

/** The two forms of a mail's body, which say the same. `contact` null: nobody is named to write to. */
export function layOut(
  { paragraphs, button, notes, because }: MailContent,
  { site, contact }: { site: string; contact: string | null },
): { text: string; html: string } {
  const ending = [
    because ?? `${site} sent you this email because of an account with your address.`,
    ...(contact === null ? [] : [`Questions? Contact ${contact}`]),
  ];
  const text = [
    ...paragraphs,
    ...(button === null ? [] : [`${button.label}:\n${button.url}`]),
    ...notes,
    ['--', ...ending].join('\n'),
  ].join('\n\n');
  return { text: `${text}\n`, html: writeHtml(site, { paragraphs, button, notes, ending }) };
}

/** Styles are in attributes, and there are no pictures: what mail programs leave alone. */
function writeHtml(
  site: string,
  parts: Pick<MailContent, 'paragraphs' | 'button' | 'notes'> & { ending: string[] },
): string {
  const { paragraphs, button, notes, ending } = parts;
  const font = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
  const block = (style: string, text: string) =>
    `<p style="margin:0 0 16px;${style}">${escapeHtml(text)}</p>`;
  const quiet = 'font-size:14px;line-height:20px;color:#52525b';
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    '<meta name="color-scheme" content="light"></head>',
    `<body style="margin:0;background:#f4f4f5;color:#18181b;${font}">`,
    '<div style="max-width:520px;margin:0 auto;padding:32px 16px">',
    '<div style="background:#ffffff;border:1px solid #e4e4e7;border-radius:12px;padding:32px 24px 16px">',
    block('font-size:18px;line-height:24px;font-weight:600', site),
    ...paragraphs.map((paragraph) => block('font-size:16px;line-height:24px', paragraph)),
    ...(button === null ? [] : [writeButton(button), block(`${quiet};word-break:break-all`, button.url)]),
    ...notes.map((note) => block(quiet, note)),
    '</div>',
    '<div style="padding:16px 24px">',
    ...ending.map((line) => block('font-size:12px;line-height:16px;color:#71717a', line)),
    '</div></div></body></html>',
  ].join('\n');
}

function writeButton({ label, url }: NonNullable<MailContent['button']>): string {
  const style =
    'display:inline-block;padding:12px 20px;border-radius:8px;background:#1d4ed8;color:#ffffff;font-size:16px;font-weight:600;text-decoration:none';
  return `<p style="margin:0 0 16px"><a href="${escapeHtml(url)}" style="${style}">${escapeHtml(label)}</a></p>`;
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign]!);
}
