/** The first pRuntime that follows authority changes by digest (phala-blockchain 724fc3b85, 0.2.7). */
const BY_DIGEST = [0, 2, 7] as const;

/**
 * Whether a pRuntime learns of new GRANDPA authorities by a proof of `:grandpa_authorities` only, by what GetInfo says of
 * its version. A version that cannot be read counts as a later one: such a pRuntime will say itself what it refuses.
 */
export function needsAuthorityProof(version: string): boolean {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version.trim());
  if (!found) return false;
  const parts = found.slice(1).map(Number);
  const at = BY_DIGEST.findIndex((part, index) => part !== parts[index]);
  return at >= 0 && parts[at]! < BY_DIGEST[at]!;
}
