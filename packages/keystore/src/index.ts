export { KeystoreError, KeystoreErrorCode } from './errors.js';
export { Identity } from './identity.js';
export {
  loadOrCreateIdentity,
  type IdentityFileOptions,
  type IdentityName,
} from './identity-file.js';
export { operatorFromMnemonic, OperatorKey } from './operator-key.js';
export { openOperator, sealOperator } from './sealing.js';
