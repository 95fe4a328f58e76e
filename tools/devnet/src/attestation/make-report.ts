import { createPrivateKey, sign, type KeyObject } from 'node:crypto';

import { DEV_SIGNING_CERT, DEV_SIGNING_KEY } from './dev-keys.js';
import { encodeQuoteBody, type Measurement } from './quote-body.js';

/** An IAS report as a worker hands it out: the three parts of `Attestation::SgxIas`. */
export interface IasAttestation {
  /** UTF-8 bytes of the report's JSON text; exactly these bytes are signed. */
  raReport: Uint8Array;
  /** Raw RSA PKCS #1 v1.5 SHA-256 signature. */
  signature: Uint8Array;
  /** DER certificate of the signing key. */
  rawSigningCert: Uint8Array;
}

/** The program that dev workers claim to be; allow-listed in the dev registry's genesis. */
export const DEV_MEASUREMENT: Measurement = {
  mrEnclave: new TextEncoder().encode('runtime-bridge dev pRuntime     '),
  mrSigner: new TextEncoder().encode('runtime-bridge dev signer       '),
  isvProdId: new Uint8Array(2),
  isvSvn: new Uint8Array(2),
};

/** What to put into a report. */
export interface DevReportOptions {
  /** At most 64 bytes; the registry wants blake2-256 of the registration info in the first 32. */
  reportData: Uint8Array;
  /** When the report was made. */
  timestampMs: number;
  /** `isvEnclaveQuoteStatus`, e.g. OK, SW_HARDENING_NEEDED, GROUP_OUT_OF_DATE. Default: OK. */
  quoteStatus?: string;
  /** `advisoryIDs`; left out of the report when empty. */
  advisoryIds?: readonly string[];
  /** Default: {@link DEV_MEASUREMENT}. */
  measurement?: Measurement;
  /** Sign with another key and certificate (PKCS #8 DER, X.509 DER) than the dev network's. */
  signer?: { key: Uint8Array; cert: Uint8Array };
}

let devKey: KeyObject | undefined;

/**
 * Makes a signed report in the form of Intel's attestation service (version 4).
 * Deterministic: the same options give the same bytes.
 */
export function makeDevIasReport(options: DevReportOptions): IasAttestation {
  const measurement = options.measurement ?? DEV_MEASUREMENT;
  const body = encodeQuoteBody({ ...measurement, reportData: options.reportData });
  const advisoryIds = options.advisoryIds ?? [];
  const text = JSON.stringify({
    id: `${options.timestampMs}`,
    // IAS writes UTC with microseconds and no zone letter.
    timestamp: new Date(options.timestampMs).toISOString().replace('Z', '000'),
    version: 4,
    epidPseudonym: 'cnVudGltZS1icmlkZ2UgZGV2',
    ...(advisoryIds.length > 0
      ? { advisoryURL: 'https://security-center.intel.com', advisoryIDs: advisoryIds }
      : {}),
    isvEnclaveQuoteStatus: options.quoteStatus ?? 'OK',
    isvEnclaveQuoteBody: Buffer.from(body).toString('base64'),
  });
  const raReport = new TextEncoder().encode(text);
  const key = options.signer
    ? createPrivateKey({ key: Buffer.from(options.signer.key), format: 'der', type: 'pkcs8' })
    : (devKey ??= createPrivateKey({
        key: Buffer.from(DEV_SIGNING_KEY),
        format: 'der',
        type: 'pkcs8',
      }));
  return {
    raReport,
    signature: new Uint8Array(sign('sha256', raReport, key)),
    rawSigningCert: options.signer?.cert ?? DEV_SIGNING_CERT,
  };
}
