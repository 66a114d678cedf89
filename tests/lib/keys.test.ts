import { describe, expect, it } from 'vitest';
import { deriveKey } from '@/lib/keys';

const secret = 'correct horse battery staple, thirty-two';

describe('deriving keys', () => {
  it('gives what HKDF-SHA-256 gives elsewhere', () => {
    expect(deriveKey(secret, 'sms-code/v1').toString('hex')).toBe(
      'cda1d26d59a8b64ef393af8e515286b7080b2691b8de1e794ddd339dbf9a3786',
    );
    expect(deriveKey(secret, 'session/v1', 48).toString('hex')).toBe(
      'b8c8fac340e538fd714a9fcbd8b06acf1e1ae7e011adf52b9b24c74e47916b069b1db81d11a8aab5a34c8c3f1873d500',
    );
  });

  it('gives another key for another label or secret', () => {
    const keys = [
      deriveKey(secret, 'a'),
      deriveKey(secret, 'b'),
      deriveKey(`${secret}!`, 'a'),
      deriveKey('x', 'y'),
    ];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(4);
  });

  it('hands out copies, so that nobody can change the key of another', () => {
    const expected = deriveKey(secret, 'copy').toString('hex');
    deriveKey(secret, 'copy').fill(0);
    expect(deriveKey(secret, 'copy').toString('hex')).toBe(expected);
  });

  it('never derives from nothing', () => {
    expect(() => deriveKey('', 'label')).toThrow(RangeError);
    expect(() => deriveKey(secret, '')).toThrow(RangeError);
  });
});
