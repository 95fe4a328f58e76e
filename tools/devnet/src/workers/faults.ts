/**
 * A refusal of pRuntime itself. The message is pRuntime's own text, word for word: bridges and tests
 * read it (phala-blockchain 40ffcd1be crates/phactory/src/prpc_service.rs,
 * crates/phactory/api/src/storage_sync.rs).
 */
export class RuntimeFault extends Error {
  override readonly name = 'RuntimeFault';
}

/** A request whose protobuf or SCALE could not be decoded. */
export class RequestDecodeFault extends Error {
  override readonly name = 'RequestDecodeFault';
}

/**
 * Where the real enclave panics (`expect`, `unwrap`, `panic!`): the process dies without an answer and
 * comes back, if somebody restarts it, from its sealed data.
 */
export class EnclavePanic extends Error {
  override readonly name = 'EnclavePanic';
}
