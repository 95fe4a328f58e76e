/** Decimals of 1 PHA. */
const DECIMALS = 12;

/**
 * An amount as people write it (`1.5`, `1,000 PHA`), in the smallest unit as decimal text; undefined when it is none, or finer
 * than that unit.
 */
export function parsePha(text: string): string | undefined {
  const match = /^(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,12}))?\s*(?:PHA)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  return BigInt(whole.replaceAll(',', '') + fraction.padEnd(DECIMALS, '0')).toString();
}

/**
 * An amount in the smallest unit as people read it: `1,000.5`. Text that is no such amount comes back as it is.
 * @param maxDecimals cuts off (never rounds up) what is finer; undefined for exact
 */
export function formatPha(amount: string | bigint, maxDecimals?: number): string {
  const text = amount.toString();
  if (!/^\d+$/.test(text)) return text;
  const digits = text.padStart(DECIMALS + 1, '0');
  const whole = digits.slice(0, -DECIMALS).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = digits.slice(-DECIMALS).slice(0, maxDecimals).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
