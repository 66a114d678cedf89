import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { box, readForm, required, text, ticked, version } from '@/app/_forms/read-form';

const schema = z.object({
  name: required('Enter a name.'),
  note: text.trim(),
  agreed: ticked('Check the box.'),
  wanted: box,
  version,
});

function formOf(entries: Record<string, string | File>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(entries)) form.append(name, value);
  return form;
}

describe('a form that is read by a schema', () => {
  test('has its fields in the types of the schema', () => {
    const form = formOf({ name: 'Jane', note: ' x ', agreed: 'on', wanted: 'on', version: '7', other: 'y' });
    expect(readForm(schema, form)).toEqual({
      ok: true,
      fields: { name: 'Jane', note: 'x', agreed: 'on', wanted: true, version: 7 },
    });
  });

  test('says everything that is wrong at once, in the words of each field', () => {
    const wrong = { ok: false, fieldErrors: { name: 'Enter a name.', agreed: 'Check the box.' } };
    expect(readForm(schema, formOf({}))).toEqual(wrong);
    expect(readForm(schema, formOf({ name: new File(['x'], 'x'), agreed: 'yes' }))).toEqual(wrong);
    for (const none of [null, undefined, 'text', {}]) expect(readForm(schema, none as never)).toEqual(wrong);
  });

  test.each(['', '-1', '1.5', 'NaN', '1e400', '2147483648', 'x'])('takes %j for no version', (typed) => {
    const form = formOf({ name: 'Jane', agreed: 'on', version: typed });
    expect(readForm(schema, form)).toMatchObject({ ok: true, fields: { version: 0 } });
  });

  test('takes the first of a field that is sent twice', () => {
    const form = formOf({ name: 'Jane', agreed: 'on' });
    form.append('name', 'June');
    expect(readForm(schema, form)).toMatchObject({ ok: true, fields: { name: 'Jane' } });
  });
});
