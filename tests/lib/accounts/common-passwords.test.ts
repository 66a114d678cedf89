import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { commonPasswords } from '@/lib/accounts/common-passwords';

describe('the list of common passwords', () => {
  it('has at least 3,000 that are long enough to be chosen here', () => {
    expect([...commonPasswords].filter((password) => password.length >= 8).length).toBeGreaterThanOrEqual(
      3_000,
    );
  });

  it('is in the form it is looked up in', () => {
    for (const password of commonPasswords)
      expect(password).toBe(password.normalize('NFKC').toLowerCase().trim());
    expect(commonPasswords.has('')).toBe(false);
  });

  it('has the most common ones', () => {
    for (const password of ['password', '12345678', 'qwertyuiop', 'iloveyou', 'monkey', 'sunshine']) {
      expect(commonPasswords.has(password)).toBe(true);
    }
  });

  it('is small enough to be loaded while a person types', () => {
    expect(gzipSync(readFileSync('lib/accounts/common-passwords.json'), { level: 9 }).length).toBeLessThan(
      25_000,
    );
  });
});
