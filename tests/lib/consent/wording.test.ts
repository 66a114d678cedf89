import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { currentWording, renderWording, wordings } from '@/lib/consent/wording';

/** SHA-256 of each published text with its version, scopes and links. Add a line for a new version; never change one. */
const published: Record<string, string> = {
  '2026-11-1': '4a49a06aa04e6a16b6f69cacb8d87f82fb1eb4f54b9536235ede1824aa612cd4',
};

describe('the consent texts', () => {
  it('are never changed or removed once published: a new text takes a new version', () => {
    const hashes = Object.fromEntries(
      wordings.map((wording) => [
        wording.version,
        createHash('sha256').update(JSON.stringify(wording)).digest('hex'),
      ]),
    );
    expect(hashes).toEqual(published);
    expect(wordings.map((wording) => wording.version)).toEqual(Object.keys(published));
  });

  it('have the last one as the current one', () => {
    expect(currentWording).toBe(wordings.at(-1));
  });

  it.each(wordings.map((wording) => wording.version))('%s says all that has to be said', (version) => {
    const text = renderWording(version);
    for (const said of [
      /By checking this box I agree/,
      /Doorstep/,
      /the phone number I enter/,
      /verification code/,
      /updates about my application/,
      /Message frequency varies/,
      /Message and data rates may apply/,
      /STOP/,
      /HELP/,
      /not a condition of applying or of any purchase/,
      /terms \(\/terms\)/,
      /privacy policy \(\/privacy\)/,
    ]) {
      expect(text).toMatch(said);
    }
  });

  it('covers both scopes that the one box can grant', () => {
    expect([...currentWording.scopes].sort()).toEqual(['updates', 'verification']);
  });

  it('cannot be rendered for a version that was never published', () => {
    expect(() => renderWording('2026-11-0')).toThrow(RangeError);
  });
});
