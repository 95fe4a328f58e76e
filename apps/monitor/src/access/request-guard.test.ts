import { describe, expect, it } from 'vitest';
import { RequestGuard, type RequestOrigin } from './request-guard.js';

const plain: RequestOrigin = {
  host: '127.0.0.1:3000',
  origin: undefined,
  secFetchSite: undefined,
  secFetchMode: undefined,
};
const guard = new RequestGuard({ hostNames: ['Ops-Box'] });
const changing = (request: Partial<RequestOrigin>) =>
  guard.checkChanging({ ...plain, ...request })?.status;
const reading = (request: Partial<RequestOrigin>) =>
  guard.checkReading({ ...plain, ...request })?.status;

describe('changing', () => {
  it.each([
    ['curl', {}],
    ['an IPv6 address', { host: '[::1]:3000' }],
    ['another address of ours', { host: '192.168.1.4:3000' }],
    ['localhost', { host: 'localhost:3000' }],
    ['our name in any case', { host: 'OPS-BOX' }],
    ['our own page', { origin: 'http://127.0.0.1:3000', secFetchSite: 'same-origin' }],
    ['port 80, said', { host: 'localhost:80', origin: 'http://localhost:80' }],
  ])('is allowed from %s', (_what, request) => {
    expect(changing(request)).toBeUndefined();
  });

  it.each([
    ['a page elsewhere', { origin: 'http://evil.example' }],
    ['a page on another port', { origin: 'http://127.0.0.1:3001' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a page elsewhere, without Origin', { secFetchSite: 'cross-site' }],
    ['a page of the same site', { secFetchSite: 'same-site' }],
    ['a form elsewhere', { secFetchSite: 'cross-site', secFetchMode: 'navigate' }],
    ['a name of others', { host: 'evil.example' }],
    [
      'a rebound name, same origin',
      { host: 'evil.example:3000', origin: 'http://evil.example:3000' },
    ],
    ['no host', { host: undefined }],
    ['a host with something in it', { host: 'user@localhost' }],
  ])('is refused from %s', (_what, request) => {
    expect(changing(request)).toBe(403);
  });
});

describe('reading', () => {
  it.each([
    ['curl', {}],
    ['any name', { host: 'monitor.lan' }],
    ['a link elsewhere', { secFetchSite: 'cross-site', secFetchMode: 'navigate' }],
    ['the address bar', { secFetchSite: 'none', secFetchMode: 'navigate' }],
  ])('is allowed from %s', (_what, request) => {
    expect(reading(request)).toBeUndefined();
  });

  it.each([
    ['a script of a page elsewhere', { origin: 'http://evil.example', secFetchSite: 'cross-site' }],
    ['a picture in a page elsewhere', { secFetchSite: 'cross-site', secFetchMode: 'no-cors' }],
  ])('is refused from %s', (_what, request) => {
    expect(reading(request)).toBe(403);
  });
});
