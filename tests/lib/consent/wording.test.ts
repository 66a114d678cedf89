import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { currentWording } from '@/lib/consent/current-wording';
import { isLatestVersion, latestWording, wordings, writePlain } from '@/lib/consent/wording';
import { named, withSettings } from '@/tests/support/settings';

/** SHA-256 of each published wording with its version, scopes and links. Add a line for a new version; never change one. */
const published: Record<string, string> = {
  '2026-11-1': '4a49a06aa04e6a16b6f69cacb8d87f82fb1eb4f54b9536235ede1824aa612cd4',
  '2026-11-2': '3c6eb19ed890c391d89da5d7bd99543ceff304212fb73ebfca13f63192fcb667',
  '2026-11-3': '8dac8da7d3257153ed6c6e4f24739a173eb1d6c9acb291364be90831247b277e',
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
    expect(latestWording).toBe(wordings.at(-1));
  });

  it.each(wordings.map((wording) => [wording.version, wording] as const))(
    '%s says all that has to be said',
    (_, wording) => {
      const text = writePlain(wording);
      for (const said of [
        /By checking this box I agree/,
        /that (?:Doorstep|\{sender\}) may send/,
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
    },
  );

  it('are recorded as they are read: a line each, and the label of the box at the end', () => {
    const text = writePlain(currentWording());
    expect(text).toMatch(/ What: a verification code .+ How often: Message .+ To stop: Reply STOP /);
    expect(text).toMatch(/\. \[Box\] I agree to get texts at this number$/);
    expect(writePlain(wordings[0])).not.toContain('[Box]');
  });

  it('covers both scopes that the one box can grant', () => {
    expect([...currentWording().scopes].sort()).toEqual(['updates', 'verification']);
  });

  it('say who sends: the site by its name, and the legal person who runs it', async () => {
    const write = () => writePlain(currentWording());
    expect(write()).toContain('I agree that Doorstep may send automated');
    const text = await withSettings(named('Elm $& Homes', 'Example Housing, Inc.'), write);
    expect(text).toContain('I agree that Elm $& Homes, run by Example Housing, Inc., may send automated');
    expect(text).not.toMatch(/Doorstep|[{}]/);
    expect(await withSettings(named('Elm Homes', 'Elm Homes'), write)).toContain(
      'I agree that Elm Homes may send automated',
    );
  });

  it('have a version of their own under each pair of names, which is still that of the same wording', async () => {
    const versions = new Set<string>();
    for (const site of ['Doorstep', 'Elm Homes']) {
      for (const operator of [null, 'Example Housing, Inc.', 'Elm Homes']) {
        const { version } = await withSettings(named(site, operator), currentWording);
        expect(version).toMatch(new RegExp(`^${latestWording.version}-[0-9a-f]{8}$`));
        expect(isLatestVersion(version)).toBe(true);
        versions.add(version);
      }
    }
    expect(versions.size).toBe(6);
    for (const version of ['2026-11-1', `${latestWording.version}0-01234567`, '']) {
      expect(isLatestVersion(version)).toBe(false);
    }
  });
});
