/**
 * The part of an SGX quote that an IAS report carries (`isvEnclaveQuoteBody`): 432 bytes.
 * Offsets: phala-blockchain 654b1b699 crates/sgx-attestation/src/ias.rs, EnclaveQuoteBody.
 */

/** Length of an encoded quote body in bytes. */
export const QUOTE_BODY_BYTES = 432;

const MR_ENCLAVE_AT = 112;
const MR_SIGNER_AT = 176;
const ISV_PROD_ID_AT = 304;
const ISV_SVN_AT = 306;
const REPORT_DATA_AT = 368;

/** What a quote says about the program that it was made by. */
export interface Measurement {
  /** 32 bytes: hash of the enclave's initial memory. */
  mrEnclave: Uint8Array;
  /** 32 bytes: hash of the key that signed the enclave. */
  mrSigner: Uint8Array;
  /** 2 bytes. */
  isvProdId: Uint8Array;
  /** 2 bytes. */
  isvSvn: Uint8Array;
}

/** The fields of a quote body that the registry looks at. */
export interface QuoteBody extends Measurement {
  /** 64 bytes chosen by the enclave; the first 32 commit to the registration info. */
  reportData: Uint8Array;
}

/**
 * The 68 bytes under which a registry allow-lists a program: MRENCLAVE, product id, SVN, MRSIGNER.
 * Source: phala-blockchain 654b1b699 pallets/phala/src/utils/attestation.rs, extend_mrenclave.
 */
export function measurementBytes(m: Measurement): Uint8Array {
  const out = new Uint8Array(68);
  out.set(m.mrEnclave, 0);
  out.set(m.isvProdId, 32);
  out.set(m.isvSvn, 34);
  out.set(m.mrSigner, 36);
  return out;
}

/** Encodes a quote body; fields that nobody reads are zero. `reportData` may be shorter than 64. */
export function encodeQuoteBody(body: QuoteBody): Uint8Array {
  if (body.reportData.length > 64) throw new RangeError('report data is at most 64 bytes');
  const out = new Uint8Array(QUOTE_BODY_BYTES);
  out[0] = 2; // version
  out.set(body.mrEnclave, MR_ENCLAVE_AT);
  out.set(body.mrSigner, MR_SIGNER_AT);
  out.set(body.isvProdId, ISV_PROD_ID_AT);
  out.set(body.isvSvn, ISV_SVN_AT);
  out.set(body.reportData, REPORT_DATA_AT);
  return out;
}

/** Reads a quote body; undefined when it is too short. Bytes after it are ignored, as on chain. */
export function decodeQuoteBody(bytes: Uint8Array): QuoteBody | undefined {
  if (bytes.length < QUOTE_BODY_BYTES) return undefined;
  return {
    mrEnclave: bytes.slice(MR_ENCLAVE_AT, MR_ENCLAVE_AT + 32),
    mrSigner: bytes.slice(MR_SIGNER_AT, MR_SIGNER_AT + 32),
    isvProdId: bytes.slice(ISV_PROD_ID_AT, ISV_PROD_ID_AT + 2),
    isvSvn: bytes.slice(ISV_SVN_AT, ISV_SVN_AT + 2),
    reportData: bytes.slice(REPORT_DATA_AT, REPORT_DATA_AT + 64),
  };
}
