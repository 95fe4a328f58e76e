import { verify, X509Certificate } from 'node:crypto';

import { DEV_ROOT_CERT } from './dev-keys.js';
import type { IasAttestation } from './make-report.js';
import { decodeQuoteBody, measurementBytes, type QuoteBody } from './quote-body.js';

/** A report this old in seconds, or older, is refused (phala-blockchain 654b1b699 pallets/phala/src/utils/attestation.rs). */
export const MAX_REPORT_AGE_SEC = 7200;

/** Why a report is refused; the names are those of the registry's errors. */
export type ReportFault =
  /** The certificate is not one of the pinned CA's, is out of date, or did not sign these bytes. */
  | 'InvalidIASSigningCert'
  /** The report is not the JSON that IAS writes. */
  | 'InvalidReport'
  /** The timestamp cannot be read. */
  | 'BadIASReport'
  /** A quote status that the registry does not know. */
  | 'InvalidQuoteStatus'
  /** The quote body is not base64, or too short. */
  | 'UnknownQuoteBodyFormat'
  /** The measured program is not on the allow list. */
  | 'PRuntimeRejected'
  /** The report is {@link MAX_REPORT_AGE_SEC} old or older. */
  | 'OutdatedIASReport'
  /** The report commits to other data than the registration info given. */
  | 'InvalidRuntimeInfoHash';

/** Thrown by {@link verifyIasAttestation}. */
export class ReportRejected extends Error {
  override readonly name = 'ReportRejected';
  constructor(
    readonly fault: ReportFault,
    message: string,
  ) {
    super(message);
  }
}

/** What the verifier compares a report with. */
export interface VerifyOptions {
  /** The chain's time. */
  nowSec: number;
  /** 32 bytes that the report must commit to. */
  userDataHash: Uint8Array;
  /** Allowed measurements of 68 bytes; undefined switches the check off. */
  allowList: readonly Uint8Array[] | undefined;
  /** DER certificate of the trusted CA. Default: the dev network's. */
  rootCert?: Uint8Array;
}

/** What a good report says. */
export interface VerifiedReport {
  /** 1 best … 5 worst. */
  confidenceLevel: number;
  quote: QuoteBody;
}

/** Quote statuses by level: phala-blockchain 654b1b699 pallets/phala/src/utils/constants.rs. */
const LEVEL_OF_STATUS: ReadonlyMap<string, number> = new Map([
  ['OK', 1],
  ['UpToDate', 1],
  ['SW_HARDENING_NEEDED', 2],
  ['SWHardeningNeeded', 2],
  ['CONFIGURATION_NEEDED', 3],
  ['CONFIGURATION_AND_SW_HARDENING_NEEDED', 3],
  ['ConfigurationNeeded', 3],
  ['ConfigurationAndSWHardeningNeeded', 3],
  ['GROUP_OUT_OF_DATE', 5],
  ['OutOfDate', 5],
  ['OutOfDateConfigurationNeeded', 5],
]);

/** Advisories that leave a level 3 report at level 3; any other makes it level 4. Same source. */
const KNOWN_ADVISORIES: ReadonlySet<string> = new Set([
  'INTEL-SA-00334',
  'INTEL-SA-00219',
  'INTEL-SA-00381',
  'INTEL-SA-00389',
]);

/**
 * Checks a report as the registry pallet does, in its order: signing certificate and signature,
 * JSON, time, quote status, quote body, measurement, age, commitment.
 * @throws ReportRejected with the first fault found
 */
export function verifyIasAttestation(a: IasAttestation, o: VerifyOptions): VerifiedReport {
  checkSignature(a, o);
  const report = parseReport(a.raReport);
  const reportMs = Date.parse(`${report.timestamp}Z`);
  if (!/^\d{4}-\d\d-\d\dT/.test(report.timestamp) || Number.isNaN(reportMs)) {
    throw new ReportRejected('BadIASReport', 'the timestamp of the report cannot be read');
  }
  let confidenceLevel = LEVEL_OF_STATUS.get(report.status);
  if (confidenceLevel === undefined) {
    throw new ReportRejected('InvalidQuoteStatus', `quote status ${report.status} is not accepted`);
  }
  if (confidenceLevel === 3 && report.advisoryIds.some((id) => !KNOWN_ADVISORIES.has(id))) {
    confidenceLevel = 4;
  }
  const quote = decodeQuoteBody(base64(report.quoteBody));
  if (!quote) throw new ReportRejected('UnknownQuoteBodyFormat', 'the quote body is too short');
  const { allowList } = o;
  if (allowList !== undefined) {
    const measured = measurementBytes(quote);
    if (!allowList.some((allowed) => Buffer.compare(allowed, measured) === 0)) {
      throw new ReportRejected('PRuntimeRejected', 'the measured program is not on the allow list');
    }
  }
  if (o.nowSec - Math.floor(reportMs / 1000) >= MAX_REPORT_AGE_SEC) {
    throw new ReportRejected('OutdatedIASReport', 'the report is too old');
  }
  if (Buffer.compare(quote.reportData.subarray(0, 32), o.userDataHash) !== 0) {
    throw new ReportRejected(
      'InvalidRuntimeInfoHash',
      'the report commits to another registration info',
    );
  }
  return { confidenceLevel, quote };
}

function checkSignature(a: IasAttestation, o: VerifyOptions): void {
  const refuse = (why: string): never => {
    throw new ReportRejected('InvalidIASSigningCert', why);
  };
  let cert: X509Certificate;
  try {
    cert = new X509Certificate(a.rawSigningCert);
  } catch {
    return refuse('the signing certificate cannot be read');
  }
  if (!verify('sha256', a.raReport, cert.publicKey, a.signature)) {
    return refuse('the signature does not fit the report');
  }
  const root = new X509Certificate(o.rootCert ?? DEV_ROOT_CERT);
  if (!cert.checkIssued(root) || !cert.verify(root.publicKey)) {
    return refuse('the signing certificate was not issued by the pinned CA');
  }
  const nowMs = o.nowSec * 1000;
  if (nowMs < Date.parse(cert.validFrom) || nowMs > Date.parse(cert.validTo)) {
    return refuse('the signing certificate is not valid at this time');
  }
}

interface ReportFields {
  timestamp: string;
  status: string;
  quoteBody: string;
  advisoryIds: string[];
}

function parseReport(bytes: Uint8Array): ReportFields {
  const bad = (): never => {
    throw new ReportRejected('InvalidReport', 'the report is not what IAS writes');
  };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return bad();
  }
  if (typeof json !== 'object' || json === null) return bad();
  const fields = json as Record<string, unknown>;
  const { id, timestamp, version, epidPseudonym } = fields;
  const status = fields['isvEnclaveQuoteStatus'];
  const quoteBody = fields['isvEnclaveQuoteBody'];
  const advisoryIds = fields['advisoryIDs'] ?? [];
  if (typeof id !== 'string' || typeof timestamp !== 'string') return bad();
  if (typeof version !== 'number' || typeof epidPseudonym !== 'string') return bad();
  if (typeof status !== 'string' || typeof quoteBody !== 'string') return bad();
  if (!Array.isArray(advisoryIds)) return bad();
  if (!advisoryIds.every((advisory): advisory is string => typeof advisory === 'string')) {
    return bad();
  }
  return { timestamp, status, quoteBody, advisoryIds };
}

function base64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    throw new ReportRejected('UnknownQuoteBodyFormat', 'the quote body is not base64');
  }
  return bytes;
}
