import { inspect } from 'node:util';
import { silentLogger } from '@runtime-bridge/base';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAccessPolicy } from './access-policy.js';
import { formatAuthString } from './auth-string.js';
import { AuthStatus, AuthType, WalkieRoles } from './schema.js';
import { SharedSecret, type ProofClaim } from './shared-secret.js';
import { MemoryNetwork, type MemoryWalkie, type MemoryWalkieOptions } from './testing/index.js';

const FAR_AWAY = '/ip4/203.0.113.7/tcp/4000';
const NONCE = '00112233445566778899aabbccddeeff';
const secret = SharedSecret.generate();
const minutes = (count: number) => count * 60_000;

let nowMs: number;
let network: MemoryNetwork;
let manager: MemoryWalkie;
let changes: number;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  changes = 0;
  const clock = { now: () => nowMs, sleep: () => Promise.resolve() };
  network = new MemoryNetwork({ logger: silentLogger, clock });
  manager = await start({ peerId: 'QmManager', secret, bridgeIdentity: 'default' });
});

async function start(options: MemoryWalkieOptions): Promise<MemoryWalkie> {
  const node = network.node({
    address: FAR_AWAY,
    // Everybody comes from far away, so that only proofs and lists open the door.
    access: createAccessPolicy({ hostAddresses: () => [], allowedPeers: ['QmListed'] }),
    ...options,
  });
  node.handle('KickWorker', () => {
    changes += 1;
    return {};
  });
  node.handle('ListPool', () => ({}));
  await node.start();
  return node;
}

const kick = (node: MemoryWalkie, peer = 'QmManager') => node.client(peer).call('KickWorker', {});
const claimOf = (changed: Partial<ProofClaim> = {}): ProofClaim => ({
  side: 'caller',
  caller: 'QmCaller',
  responder: 'QmManager',
  bridgeIdentity: 'default',
  timeMs: nowMs,
  nonce: NONCE,
  ...changed,
});
function authBy(node: MemoryWalkie, changed: Partial<ProofClaim> = {}, key = secret) {
  const claim = claimOf(changed);
  const authString = formatAuthString({ ...claim, proof: key.prove(claim) });
  return node.client('QmManager').call('Auth', { type: AuthType.AT_PSK, authString });
}
const refused = (text: string) =>
  expect.objectContaining({
    code: 'UNAUTHORIZED',
    message: expect.stringContaining(text) as string,
  }) as Error;

describe('the door of changing methods', () => {
  it('opens to who knows the secret, and proves the other side too', async () => {
    const caller = await start({ peerId: 'QmCaller', secret });
    await kick(caller);
    await kick(caller);
    expect(changes).toBe(2);
  });

  it('lets a stranger read and change nothing, and names the settings', async () => {
    const stranger = await start({
      peerId: 'QmStranger',
      role: WalkieRoles.WR_LIFECYCLE_MANAGER,
      hostname: 'QmManager',
    });
    await stranger.client('QmManager').call('ListPool', {});
    await expect(kick(stranger)).rejects.toThrow(refused('PHALA_WALKIE_PSK'));
    await expect(kick(stranger)).rejects.toThrow(refused('PHALA_WALKIE_ALLOWED_PEERS'));
    expect(changes).toBe(0);
  });

  it('does not go by what a peer says it is, only by the id of its connection', async () => {
    const liar = await start({ peerId: 'QmLiar', role: WalkieRoles.WR_LIFECYCLE_MANAGER });
    const said = { peerId: 'QmListed', role: WalkieRoles.WR_LIFECYCLE_MANAGER };
    await liar.client('QmManager').call('Hello', said);
    await expect(kick(liar)).rejects.toThrow(refused('QmLiar'));
    await kick(await start({ peerId: 'QmListed' }));
    expect(changes).toBe(1);
  });

  it('stays shut to a proof that was seen before, by its maker and by others', async () => {
    const caller = await start({ peerId: 'QmCaller' });
    const thief = await start({ peerId: 'QmThief' });
    expect((await authBy(caller)).status).toBe(AuthStatus.AS_GRANTED);
    await expect(authBy(caller)).rejects.toThrow(refused('used before'));
    await expect(authBy(caller, { timeMs: nowMs - 1 })).rejects.toThrow(refused('used before'));
    await expect(authBy(thief)).rejects.toThrow(refused('another'));
    await expect(kick(thief)).rejects.toThrow(refused('QmThief'));
    await kick(caller);
    // What the responder said is no proof of a caller.
    await expect(authBy(thief, { caller: 'QmThief', side: 'responder' })).rejects.toThrow(
      refused('another'),
    );
  });

  it.each([
    ['another peer', { responder: 'QmOther' }, secret, 'another'],
    ['another bridge', { bridgeIdentity: 'test-net' }, secret, 'another'],
    ['a secret of others', {}, SharedSecret.generate(), 'another'],
    ['a clock 10 minutes slow', { timeMs: 1_700_000_000_000 - minutes(10) }, secret, '-600 s'],
    ['a clock 10 minutes fast', { timeMs: 1_700_000_000_000 + minutes(10) }, secret, '600 s'],
  ])('stays shut to a proof for %s', async (_what, changed, key, text) => {
    const caller = await start({ peerId: 'QmCaller' });
    await expect(authBy(caller, changed, key)).rejects.toThrow(refused(text));
    await expect(authBy(caller, changed, key)).rejects.toThrow(refused('PHALA_WALKIE_PSK'));
    await expect(kick(caller)).rejects.toThrow(refused('QmCaller'));
    expect(changes).toBe(0);
  });

  it('stays shut to what is no proof', async () => {
    const client = (await start({ peerId: 'QmCaller' })).client('QmManager');
    const { AT_PSK, AT_NONE, AT_WHITE_LIST } = AuthType;
    for (const authString of ['', '1:0:0:0', `1:${nowMs}:${NONCE}:${'0'.repeat(63)}`]) {
      await expect(client.call('Auth', { type: AT_PSK, authString })).rejects.toThrow(
        refused('malformed'),
      );
    }
    for (const type of [AT_NONE, AT_WHITE_LIST]) {
      await expect(client.call('Auth', { type, authString: '' })).rejects.toThrow(
        refused('AT_PSK'),
      );
    }
  });

  it('shuts again after a while; callers with the secret renew it by themselves', async () => {
    const byHand = await start({ peerId: 'QmCaller' });
    const caller = await start({ peerId: 'QmSecond', secret });
    await authBy(byHand);
    await kick(byHand);
    await kick(caller);
    nowMs += minutes(11);
    await expect(kick(byHand)).rejects.toThrow(refused('QmCaller'));
    await kick(caller);
  });

  it('a restarted responder is proved to anew, and the call is made once', async () => {
    const caller = await start({ peerId: 'QmCaller', secret });
    await kick(caller);
    await manager.stop();
    manager = await start({ peerId: 'QmManager', secret });
    await kick(caller);
    expect(changes).toBe(2);
  });

  it('nothing is sent to a peer that does not know the secret', async () => {
    const caller = await start({ peerId: 'QmCaller', secret });
    const fake = await start({ peerId: 'QmFake' });
    fake.handle('CreatePool', () => {
      throw new Error('it got the mnemonic');
    });
    const create = () => caller.client('QmFake').call('CreatePool', { pools: [] });
    await expect(create()).rejects.toThrow(refused('has no shared secret'));
    fake.handle('Auth', () => ({
      status: AuthStatus.AS_GRANTED,
      type: AuthType.AT_PSK,
      peerId: 'QmFake',
      authString: '0'.repeat(64),
    }));
    await expect(create()).rejects.toThrow(refused('does not know'));
    // Nor to one that claims to be a peer which does.
    fake.handle('Hello', () => ({ peerId: 'QmManager', bridgeIdentity: 'default' }));
    fake.handle('Auth', async ({ authString }) => {
      const passedOn = await fake.client('QmManager').call('Auth', { type: 1, authString });
      return passedOn;
    });
    await expect(create()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await kick(caller);
    await expect(caller.client(fake.addresses[0]!).call('CreatePool', {})).rejects.toMatchObject({
      code: 'IDENTITY_MISMATCH',
    });
  });

  it('stands open to all only when asked to', async () => {
    const open = await start({
      peerId: 'QmOpen',
      access: createAccessPolicy({ hostAddresses: () => [], allowUnauthenticated: true }),
    });
    await kick(await start({ peerId: 'QmStranger' }), open.peerId);
    expect(changes).toBe(1);
  });
});

describe('SharedSecret', () => {
  it('reads hex and base64, and shows itself in its text form only', () => {
    const text = secret.toText();
    expect(text).toMatch(/^[0-9a-f]{64}$/);
    const proof = secret.prove(claimOf());
    const base64 = Buffer.from(text, 'hex').toString('base64');
    for (const form of [text, `0x${text.toUpperCase()}\n`, base64, base64.replace('=', '')]) {
      expect(SharedSecret.parse(form).verify(claimOf(), proof)).toBe(true);
    }
    expect(`${inspect(secret)} ${JSON.stringify(secret)}`).not.toContain(text);
    for (const bad of ['', 'secret', text.slice(1), `${text}0`]) {
      expect(() => SharedSecret.parse(bad)).toThrow(
        expect.objectContaining({ code: 'BAD_SECRET' }) as Error,
      );
    }
  });
});
