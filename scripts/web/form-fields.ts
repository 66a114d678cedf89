/** A part of a form, as far as it can be told without an app: whoever sends it may name it more than once, and no name is left out. */
export type FormField = { names: string[]; value: string };

/** A name as a parameter of a part's headers: `name="email"`, `name=email`. */
const nameParameter = /(?:^|[;\s])name\s*=\s*(?:"([^"]*)"|([^;\s]*))/gi;

/** As browsers say it (RFC 2046, 5.1.1), and nothing besides. */
const formInParts = /^multipart\/form-data;\s*boundary=("?)([\w'()+,./:=?-]{1,70})\1$/i;

/**
 * Reads the fields of a form that was sent as browsers do (RFC 7578) or encoded, in one pass: a body costs the same however it is
 * made. Values are latin1. Null: it is a form in parts, and not said in the way of browsers, so that an app might read it otherwise.
 */
export function readFormFields(contentType: string | undefined, body: Buffer): FormField[] | null {
  const text = body.toString('latin1');
  if (!/multipart/i.test(contentType ?? '')) return readEncoded(text);
  const boundary = formInParts.exec((contentType ?? '').trim())?.[2];
  if (boundary === undefined || !text.startsWith(`--${boundary}`)) return null;
  return readParts(text, `--${boundary}`);
}

function readParts(text: string, delimiter: string): FormField[] {
  const fields: FormField[] = [];
  let begin = text.indexOf(delimiter);
  while (begin !== -1) {
    const end = text.indexOf(`\r\n${delimiter}`, begin + delimiter.length);
    const part = text.slice(begin + delimiter.length, end === -1 ? undefined : end);
    const headEnd = part.indexOf('\r\n\r\n');
    if (headEnd !== -1) {
      const names = [...part.slice(0, headEnd).matchAll(nameParameter)].map(
        ([, quoted, bare]) => quoted ?? bare!,
      );
      fields.push({ names, value: part.slice(headEnd + 4) });
    }
    begin = end === -1 ? -1 : end + 2;
  }
  return fields;
}

function readEncoded(text: string): FormField[] {
  return [...new URLSearchParams(text)].map(([name, value]) => ({ names: [name], value }));
}
