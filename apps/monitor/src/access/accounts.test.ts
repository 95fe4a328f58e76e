import { describe, expect, it } from 'vitest';
import { Accounts, hashPassword, parseAccount } from './accounts.js';

describe('a password', () => {
  it('is known by its hash alone, each hash another', async () => {
    const [one, two] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    expect(one).not.toBe(two);
    expect(one).not.toContain('correct');
    const accounts = new Accounts({
      token: undefined,
      viewerToken: undefined,
      users: [parseAccount(`ann:operator:${one}`), parseAccount(`bob:viewer:${two}`)],
    });
    expect(await accounts.byPassword('ann', 'correct horse')).toEqual({
      name: 'ann',
      role: 'operator',
    });
    expect(await accounts.byPassword('bob', 'correct horse')).toMatchObject({ role: 'viewer' });
    // Twice: the second time it is remembered.
    expect(await accounts.byPassword('ann', 'correct horse')).toBeDefined();
    for (const [user, password] of [
      ['ann', 'correct hors'],
      ['ann', ''],
      ['Ann', 'correct horse'],
      ['nobody', 'correct horse'],
      ['__proto__', ''],
    ] as const) {
      expect(await accounts.byPassword(user, password)).toBeUndefined();
    }
  });

  it.each([
    'ann',
    'ann:operator',
    'ann:root:scrypt$14$8$1$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
    ':operator:scrypt$14$8$1$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
    'ann:operator:plain-password',
    'ann:operator:scrypt$30$8$1$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
    'ann:operator:scrypt$14$8$99$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
  ])('is not read from %s, and nothing of it is told', (entry) => {
    let told = '';
    try {
      parseAccount(entry);
    } catch (error) {
      told = (error as Error).message;
    }
    expect(told).not.toBe('');
    expect(told).not.toContain('plain-password');
    expect(told).not.toContain('AAAA');
  });
});

describe('tokens', () => {
  const accounts = new Accounts({ token: 'op-token', viewerToken: 'view-token', users: [] });
  it.each([
    ['op-token', 'operator'],
    ['view-token', 'viewer'],
    ['op-toke', undefined],
    ['', undefined],
  ])('%j makes %s', (token, role) => {
    expect(accounts.byToken(token)?.role).toBe(role);
  });
});
