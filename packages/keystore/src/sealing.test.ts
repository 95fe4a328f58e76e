import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { inspect } from 'node:util';
import { toHex } from '@runtime-bridge/base';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeByteFields } from './byte-fields.js';
import { IDENTITY_2022 } from './identity-2022.test.data.js';
import { Identity } from './identity.js';
import { operatorFromMnemonic } from './operator-key.js';
import { openOperator, sealOperator } from './sealing.js';

const MNEMONIC = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
/** Of development chains; the same in every Substrate tool. */
const ALICE = '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
const identity = Identity.fromBytes(Buffer.from(IDENTITY_2022.base64, 'base64'));
let other: Identity;
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'no error';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

beforeAll(async () => {
  other = await Identity.generate();
});

describe('operatorFromMnemonic', () => {
  it.each(['//Alice', ` ${MNEMONIC}//Alice\n`, MNEMONIC.replaceAll(' ', '  ') + ' //Alice'])(
    'knows %j',
    (text) => {
      const key = operatorFromMnemonic(text);
      expect(toHex(key.publicKey)).toBe(ALICE);
      expect(key.ss58(42)).toBe('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY');
      expect(key.ss58(30)).toMatch(/^4/);
      expect(key.pair.sign('x')).toHaveLength(64);
    },
  );

  it('tells derivation paths apart', () => {
    const [plain, soft, hard] = ['', '/a', '//a'].map((path) =>
      toHex(operatorFromMnemonic(MNEMONIC + path).publicKey),
    );
    expect(new Set([plain, soft, hard]).size).toBe(3);
  });

  it.each([
    '',
    'elephant',
    '0x1234',
    MNEMONIC.replace('walk', 'bottom'),
    '///',
    'zebra giraffe//lion',
  ])('refuses %j without repeating it', (text) => {
    try {
      operatorFromMnemonic(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_MNEMONIC' });
      const shown = inspect(error, { depth: 10 });
      for (const word of text.split(/[\s/]+/).filter((part) => part.length > 3))
        expect(shown).not.toContain(word);
    }
  });

  it('does not show the key when printed', () => {
    const key = operatorFromMnemonic('//Alice');
    expect(inspect({ key }, { depth: 9, showHidden: true })).toBe(`{ key: ${inspect(key)} }`);
    expect(JSON.stringify(key)).toBe(JSON.stringify({ address: key.ss58(30) }));
  });
});

describe('sealed operator keys', () => {
  it('open for the identity they were sealed for, able to sign', () => {
    const sealed = sealOperator(identity, operatorFromMnemonic(`${MNEMONIC}//stash`));
    const opened = openOperator(identity, sealed);
    expect(toHex(opened.publicKey)).toBe(
      toHex(operatorFromMnemonic(`${MNEMONIC}//stash`).publicKey),
    );
    expect(opened.pair.verify('x', opened.pair.sign('x'), opened.publicKey)).toBe(true);
  });

  it('open for nobody else', () => {
    const sealed = sealOperator(identity, operatorFromMnemonic('//Alice'));
    expect(codeOf(() => openOperator(other, sealed))).toBe('SEALED_FOR_ANOTHER');
  });

  it('are refused when any byte was changed or they are cut', () => {
    const sealed = sealOperator(identity, operatorFromMnemonic('//Alice'));
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = Uint8Array.from(sealed);
      changed[at]! ^= 1;
      expect(codeOf(() => openOperator(identity, changed))).toMatch(/BAD_SEAL|SEALED_FOR_ANOTHER/);
    }
    for (const length of [0, 1, 5, 200, 289, sealed.length - 1]) {
      expect(codeOf(() => openOperator(identity, sealed.subarray(0, length)))).toMatch(
        /BAD_SEAL|SEALED_FOR_ANOTHER/,
      );
    }
    expect(codeOf(() => openOperator(identity, new Uint8Array(20_000)))).toBe('BAD_SEAL');
  });

  it('of 2022 are opened', () => {
    const alice = operatorFromMnemonic('//Alice');
    const contentKey = randomBytes(32);
    const iv = randomBytes(16);
    const cipher = createCipheriv('aes-256-cbc', contentKey, iv);
    const payload = Buffer.concat([
      cipher.update(JSON.stringify(alice.pair.toJson())),
      cipher.final(),
    ]);
    const key = publicEncrypt(
      {
        key: createPublicKey(identity.rsaKey),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
      },
      contentKey,
    );
    const envelope = encodeByteFields([iv, key, payload]);
    expect(toHex(openOperator(identity, envelope).publicKey)).toBe(ALICE);
    expect(codeOf(() => openOperator(other, envelope))).toBe('SEALED_FOR_ANOTHER');
    const noKey = encodeByteFields([iv, new Uint8Array(0), payload]);
    expect(codeOf(() => openOperator(identity, noKey))).toBe('BAD_SEAL');
  });
});
