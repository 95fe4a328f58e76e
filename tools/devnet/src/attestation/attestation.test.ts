import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { DEV_SIGNING_CERT, DEV_SIGNING_KEY } from './dev-keys.js';
import { FOREIGN_SIGNING_CERT, FOREIGN_SIGNING_KEY } from './foreign-keys.test.data.js';
import { DEV_MEASUREMENT, makeDevIasReport, type DevReportOptions } from './make-report.js';
import { decodeQuoteBody, measurementBytes, type QuoteBody } from './quote-body.js';
import { ReportRejected, verifyIasAttestation, type VerifyOptions } from './verify-report.js';

const NOW_SEC = 1_700_000_000;
const hash = new Uint8Array(32).fill(7);
const good: DevReportOptions = { reportData: hash, timestampMs: NOW_SEC * 1000 - 1500 };
const rules: VerifyOptions = {
  nowSec: NOW_SEC,
  userDataHash: hash,
  allowList: [measurementBytes(DEV_MEASUREMENT)],
};

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    if (e instanceof ReportRejected) return e.fault;
    throw e;
  }
  return 'accepted';
}

const reject = (report: Partial<DevReportOptions>, with_: Partial<VerifyOptions> = {}): string =>
  faultOf(() =>
    verifyIasAttestation(makeDevIasReport({ ...good, ...report }), { ...rules, ...with_ }),
  );

describe('dev attestation', () => {
  it('accepts its own report', () => {
    expect(verifyIasAttestation(makeDevIasReport(good), rules).confidenceLevel).toBe(1);
  });

  it.each([
    ['OK', [], 1],
    ['SW_HARDENING_NEEDED', ['INTEL-SA-99999'], 2],
    ['CONFIGURATION_NEEDED', [], 3],
    ['CONFIGURATION_AND_SW_HARDENING_NEEDED', ['INTEL-SA-00334', 'INTEL-SA-00219'], 3],
    ['CONFIGURATION_AND_SW_HARDENING_NEEDED', ['INTEL-SA-00334', 'INTEL-SA-00615'], 4],
    ['GROUP_OUT_OF_DATE', [], 5],
  ])('%s %j has confidence level %i', (quoteStatus, advisoryIds, level) => {
    const report = makeDevIasReport({ ...good, quoteStatus, advisoryIds });
    expect(verifyIasAttestation(report, rules).confidenceLevel).toBe(level);
  });

  it('knows the age limit to the second', () => {
    expect(reject({ timestampMs: (NOW_SEC - 7199) * 1000 })).toBe('accepted');
    expect(reject({ timestampMs: (NOW_SEC - 7200) * 1000 })).toBe('OutdatedIASReport');
  });

  it('refuses what the registry refuses', () => {
    expect(reject({ quoteStatus: 'SIGNATURE_REVOKED' })).toBe('InvalidQuoteStatus');
    expect(reject({}, { allowList: [] })).toBe('PRuntimeRejected');
    expect(reject({}, { allowList: undefined })).toBe('accepted');
    const isvSvn = new Uint8Array([1, 0]);
    expect(reject({ measurement: { ...DEV_MEASUREMENT, isvSvn } })).toBe('PRuntimeRejected');
    expect(reject({ reportData: new Uint8Array(32) })).toBe('InvalidRuntimeInfoHash');
  });

  it('refuses a report signed by somebody else', () => {
    const signer = { key: FOREIGN_SIGNING_KEY, cert: FOREIGN_SIGNING_CERT };
    expect(reject({ signer })).toBe('InvalidIASSigningCert');
    const honest = makeDevIasReport(good);
    const swapped = { ...honest, rawSigningCert: FOREIGN_SIGNING_CERT };
    expect(faultOf(() => verifyIasAttestation(swapped, rules))).toBe('InvalidIASSigningCert');
    expect(reject({}, { nowSec: 900_000_000 })).toBe('InvalidIASSigningCert');
  });

  it('refuses a changed byte anywhere in the report or its signature', () => {
    const honest = makeDevIasReport(good);
    for (const part of ['raReport', 'signature'] as const) {
      for (let at = 0; at < honest[part].length; at += 17) {
        const bytes = honest[part].slice();
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        expect(faultOf(() => verifyIasAttestation({ ...honest, [part]: bytes }, rules))).toBe(
          'InvalidIASSigningCert',
        );
      }
    }
  });
});

const fixtures = process.env['RB_CHAIN_FIXTURES'];
if (!fixtures && process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
if (!fixtures) console.warn('SKIPPED: recorded IAS reports, RB_CHAIN_FIXTURES is not set');

describe.skipIf(!fixtures)('recorded IAS report', () => {
  const read = (): { raReport: string; signature: string; rawSigningCert: string } =>
    JSON.parse(readFileSync(`${fixtures}/pruntime/ias_attestation-2021-09-12.json`, 'utf8')) as {
      raReport: string;
      signature: string;
      rawSigningCert: string;
    };

  it('is read like ours, and refused because another CA signed it', () => {
    const recorded = read();
    const real = {
      raReport: new TextEncoder().encode(recorded.raReport),
      signature: new Uint8Array(Buffer.from(recorded.signature, 'hex')),
      rawSigningCert: new Uint8Array(Buffer.from(recorded.rawSigningCert, 'hex')),
    };
    const quote = quoteOf(recorded.raReport);
    const at: VerifyOptions = {
      nowSec: 1_631_441_180,
      userDataHash: quote.reportData.subarray(0, 32),
      allowList: [measurementBytes(quote)],
    };
    expect(faultOf(() => verifyIasAttestation(real, at))).toBe('InvalidIASSigningCert');
    const key = createPrivateKey({
      key: Buffer.from(DEV_SIGNING_KEY),
      format: 'der',
      type: 'pkcs8',
    });
    const signature = new Uint8Array(sign('sha256', real.raReport, key));
    const signedAgain = { ...real, signature, rawSigningCert: DEV_SIGNING_CERT };
    expect(verifyIasAttestation(signedAgain, at).confidenceLevel).toBe(2);
    expect(Buffer.from(quote.mrEnclave).toString('hex')).toMatch(/^518422fa769d2d55/);
  });

  function quoteOf(text: string): QuoteBody {
    const body = (JSON.parse(text) as Record<string, string>)['isvEnclaveQuoteBody'] ?? '';
    const quote = decodeQuoteBody(Buffer.from(body, 'base64'));
    if (!quote) throw new Error('the recorded quote cannot be read');
    return quote;
  }
});
