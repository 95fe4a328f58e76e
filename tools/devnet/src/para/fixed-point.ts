/** U64F64 numbers as bigint bits, with the rounding that the chain has (always down). */

/** 1 as U64F64. */
export const ONE = 1n << 64n;
/** Picopha in one PHA. */
export const PHA = 1_000_000_000_000n;

/** A whole number as U64F64. */
export const fromInt = (n: number | bigint): bigint => BigInt(n) << 64n;

/** A decimal such as '1.000000666600231', rounded to nearest as Rust's `fixed` parses literals. */
export function fromDecimal(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  const scale = 10n ** BigInt(fraction.length);
  const numerator = BigInt(whole + fraction) << 64n;
  return (2n * numerator + scale) / (2n * scale);
}

/** Product. */
export const mul = (a: bigint, b: bigint): bigint => (a * b) >> 64n;

/** Square root. */
export const sqrt = (a: bigint): bigint => integerSqrt(a << 64n);

/**
 * A balance in picopha as PHA.
 * Source: phala-blockchain 654b1b699 pallets/phala/src/utils/balance_convert.rs (by way of U80F48).
 */
export const fromBalance = (balance: bigint): bigint => ((balance << 48n) / PHA) << 16n;

/** PHA as a balance in picopha. Same source. */
export const toBalance = (bits: bigint): bigint => ((bits >> 16n) * PHA) >> 48n;

function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  // Newton from above; the first guess has the right number of bits.
  let guess = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (guess + n / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}
