import { UsageError } from './errors.js';

/** 1 PHA in its smallest unit. */
const DECIMALS = 12;

/**
 * An amount as people write it, in its smallest unit: `1.5`, `1,000 PHA`.
 * @throws UsageError
 */
export function parsePha(text: string): bigint {
  const match = /^(\d[\d,]*)(?:\.(\d{1,12}))?\s*(?:PHA)?$/i.exec(text.trim());
  if (match === null) {
    throw new UsageError(`'${text}' is no amount of PHA, such as 1.5 (at most 12 decimals)`);
  }
  const [, whole, fraction = ''] = match;
  return BigInt(whole!.replaceAll(',', '') + fraction.padEnd(DECIMALS, '0'));
}

/** An amount in its smallest unit as people read it, exact: `1,000.5`. */
export function formatPha(amount: bigint): string {
  const digits = amount.toString().padStart(DECIMALS + 1, '0');
  const whole = digits.slice(0, -DECIMALS).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
