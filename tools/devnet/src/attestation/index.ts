export { DEV_ROOT_CERT, DEV_SIGNING_CERT } from './dev-keys.js';
export {
  DEV_MEASUREMENT,
  makeDevIasReport,
  type DevReportOptions,
  type IasAttestation,
} from './make-report.js';
export { measurementBytes, type Measurement, type QuoteBody } from './quote-body.js';
export {
  MAX_REPORT_AGE_SEC,
  ReportRejected,
  verifyIasAttestation,
  type ReportFault,
  type VerifiedReport,
  type VerifyOptions,
} from './verify-report.js';
