export { DEV_ROOT_CERT } from './dev-keys.js';
export { DEV_MEASUREMENT, makeDevIasReport, type DevReportOptions } from './make-report.js';
export { measurementBytes } from './quote-body.js';
export { ReportRejected, verifyIasAttestation } from './verify-report.js';
