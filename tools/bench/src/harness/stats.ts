/** The value that a part of all values is not above. @param part 0.5 is the median */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1);
  return sorted[Math.max(0, index)] ?? NaN;
}

/** Median and range of some values. */
export function summary(values: readonly number[]): { value: number; spread: [number, number] } {
  return { value: quantile(values, 0.5), spread: [Math.min(...values), Math.max(...values)] };
}
