import { FleetError, FleetErrorCode } from '../errors.js';
import type { PoolInput, WorkerInput } from './rows.js';
import { accountOfSs58 } from './ss58.js';

/** One PHA in its smallest unit (12 decimals on Khala and Phala). */
export const ONE_PHA = 1_000_000_000_000n;

/** What an inventory may hold; far beyond what one manager can drive. */
export const inventoryLimits = {
  maxPools: 10_000,
  maxWorkers: 100_000,
  maxNameLength: 200,
  maxEndpointLength: 2_000,
  maxMnemonicLength: 1_000,
} as const;

const MAX_U128 = (1n << 128n) - 1n;

/** What an item of a batch is called in an error. */
export type ItemLabel = string;

/** @throws FleetError INVALID_FIELD naming the item and the field */
export function checkPool(item: ItemLabel, input: PoolInput, needsKey: boolean): void {
  checkName(item, input.name);
  if (input.proxiedAccount !== '' && accountOfSs58(input.proxiedAccount) === undefined) {
    throw invalid(item, 'realPhalaSs58', 'must be an SS58 address, or empty for none');
  }
  if (input.mnemonic === '' && needsKey) {
    throw invalid(item, 'owner.mnemonic', "must be the operator's mnemonic phrase");
  }
  if (input.mnemonic.length > inventoryLimits.maxMnemonicLength) {
    throw invalid(item, 'owner.mnemonic', 'is too long');
  }
}

/**
 * @returns the stake
 * @throws FleetError INVALID_FIELD naming the item and the field
 */
export function checkWorker(
  item: ItemLabel,
  input: WorkerInput,
): { stake: bigint; endpoint: string } {
  checkName(item, input.name);
  return { stake: checkStake(item, input.stake), endpoint: checkEndpoint(item, input.endpoint) };
}

function checkName(item: ItemLabel, name: string): void {
  const { maxNameLength } = inventoryLimits;
  if (name.trim() === '') throw invalid(item, 'name', 'must not be empty');
  if (name.length > maxNameLength) {
    throw invalid(item, 'name', `must have at most ${maxNameLength} characters`);
  }
  if ([...name].some((letter) => letter < ' ' || letter === '\u007f')) {
    throw invalid(item, 'name', 'must not contain control characters');
  }
}

function checkStake(item: ItemLabel, text: string): bigint {
  if (!/^[0-9]{1,39}$/.test(text)) {
    throw invalid(item, 'stake', 'must be a whole decimal number in the smallest unit');
  }
  const stake = BigInt(text);
  if (stake < ONE_PHA)
    throw invalid(item, 'stake', `must be at least 1 PHA (${ONE_PHA.toString()})`);
  if (stake > MAX_U128) throw invalid(item, 'stake', 'must fit 128 bits');
  return stake;
}

function checkEndpoint(item: ItemLabel, text: string): string {
  const rule = 'must be an http:// or https:// URL such as http://10.0.0.2:8000';
  if (text.length > inventoryLimits.maxEndpointLength || !URL.canParse(text)) {
    throw invalid(item, 'endpoint', rule);
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(item, 'endpoint', rule);
  if (url.search !== '' || url.hash !== '') {
    throw invalid(item, 'endpoint', 'must have no query and no fragment');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(item, 'endpoint', 'must not contain a user or password');
  }
  return text.replace(/\/+$/, '');
}

/** The error for a field that breaks a rule. */
export function invalid(item: ItemLabel, field: string, rule: string): FleetError {
  return new FleetError(FleetErrorCode.INVALID_FIELD, `${item}: ${field} ${rule}`, {
    facts: { item, field, rule },
  });
}
