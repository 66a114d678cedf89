import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { assessPassword } from '@/lib/accounts/password-strength';

const assess = (password: string, email?: string, name?: string, siteName = 'Elm & Oak Homes') =>
  assessPassword(password, {
    list: commonPasswords,
    siteName,
    ...(email && { email }),
    ...(name && { name }),
  });

describe('which passwords may be chosen', () => {
  it.each([
    ['', 'too_short'],
    ['abcdef7', 'too_short'],
    ['ünïcödé', 'too_short'],
    ['e\u0301'.repeat(7), 'too_short'],
    ['🙂🙃😀😁😂😃😄', 'too_short'],
    ['kx7 '.repeat(32) + 'q', 'too_long'],
    ['password', 'common'],
    ['PassWord', 'common'],
    ['ＰＡＳＳＷＯＲＤ', 'common'],
    ['password123!', 'common'],
    ['Sunshine2026', 'common'],
    ['monkey2026!!', 'common'],
    ['qwertyuiop', 'common'],
    ['12345678', 'common'],
    ['aaaaaaaaaaaa', 'common'],
    ['abcabcabcabc', 'common'],
    ['abcdefghijkl', 'common'],
    ['87654321', 'common'],
    ['ponmlkjihgfe', 'common'],
    ['Doorstep2026!', 'common'],
  ])('%j is refused as %s', (password, reason) => {
    expect(assess(password)).toEqual({ acceptable: false, reason });
  });

  it.each([
    ['elm & oak homes'],
    ['Elm&OakHomes1!'],
    ['ElmOakHomes'],
    ['Oak123456'],
    ['HOMES2026'],
    ['doorstep'],
  ])(
    '%j is refused where the site is called Elm & Oak Homes, and fine where it is called otherwise',
    (password) => {
      expect(assess(password)).toEqual({ acceptable: false, reason: 'common' });
      if (password !== 'doorstep') {
        expect(assess(password, undefined, undefined, 'Example')).toMatchObject({ acceptable: true });
      }
    },
  );

  it.each([
    ['jane.doe@example.com'],
    ['Jane.Doe@Example.com1!'],
    ['jane.doe2026'],
    ['DoeJane!1987'],
    ['Jane Doe 1987'],
    ['janedoejanedoe'],
  ])('%j is refused where it is the person’s own email or name with little besides', (password) => {
    expect(assess(password, 'jane.doe@example.com', 'Jane Doe')).toEqual({
      acceptable: false,
      reason: 'contains_identity',
    });
  });

  it.each([
    ['tz6#pQw9', 'fair'],
    ['correct horse', 'good'],
    ['correct horse battery', 'strong'],
    ['jane sings on wet mornings', 'strong'],
    ['пароль из четырёх слов', 'strong'],
    ['🙂🐙🚲🌧🪁🎺🧭🥝', 'fair'],
    ['        x y z', 'fair'],
    ['nothing but lower case', 'strong'],
    ['kx7 '.repeat(31) + 'q8w2', 'strong'],
  ])('%j may be chosen and is %s', (password, strength) => {
    expect(assess(password, 'jane.doe@example.com', 'Jane Doe')).toEqual({ acceptable: true, strength });
  });

  it('asks for no kinds of characters: any 16 different letters will do', () => {
    const letters = fc.shuffledSubarray([...'abcdefghijklmnopqrstuvwxyz'], { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(letters, (chosen) => {
        const answer = assess(chosen.join(''));
        expect(answer.acceptable || answer.reason === 'common').toBe(true);
      }),
    );
  });

  it('refuses every password of the list, in any case and with digits behind it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...commonPasswords), fc.nat(9_999), (password, number) => {
        for (const variant of [password.toUpperCase(), `${password}${String(number).padStart(4, '0')}!`]) {
          expect(assess(variant).acceptable).toBe(false);
        }
      }),
    );
  });

  it('answers for any text at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.string(),
        fc.string(),
        (password, email, name) => {
          expect(typeof assess(password, email, name).acceptable).toBe('boolean');
        },
      ),
    );
  });
});
