import type { PoolRow, WorkerRow } from '../../../src/api/contract.js';
import { parsePha } from '../../../src/api/amounts.js';

/** What a form of a pool holds while it is filled in. */
export interface PoolDraft {
  readonly manager: string;
  readonly pid: string;
  readonly name: string;
  readonly mnemonic: string;
  readonly proxiedAccount: string;
  readonly enabled: boolean;
  readonly syncOnly: boolean;
}

/** What a form of a worker holds while it is filled in; the stake in PHA as people write it. */
export interface WorkerDraft {
  readonly manager: string;
  readonly pid: string;
  readonly name: string;
  readonly endpoint: string;
  readonly stakePha: string;
  readonly enabled: boolean;
  readonly syncOnly: boolean;
}

/** What is wrong with fields, by their names; empty when nothing is. */
export type Faults<T> = Partial<Record<keyof T, string>>;

/** One PHA in the smallest unit; managers take no stake below it. */
const ONE_PHA = 1_000_000_000_000n;
const MAX_NAME = 200;
const MAX_PID = 2n ** 64n - 1n;
const phraseLengths = [12, 15, 18, 21, 24];

/**
 * Checks a pool as its manager will.
 * @param others pools that there are; without the one that is edited
 * @param needsKey whether there is no key yet that could be kept
 */
export function faultsOfPool(
  draft: PoolDraft,
  others: Iterable<PoolRow>,
  needsKey: boolean,
): Faults<PoolDraft> {
  const faults: Faults<PoolDraft> = {};
  const put = (field: keyof PoolDraft, fault: string | undefined) => {
    if (fault !== undefined) faults[field] = fault;
  };
  if (draft.manager === '') put('manager', 'Choose a manager');
  put('pid', faultOfPid(draft.pid));
  put('name', faultOfName(draft.name));
  put('mnemonic', faultOfPhrase(draft.mnemonic, needsKey));
  const account = draft.proxiedAccount.trim();
  if (account !== '' && !/^[1-9A-HJ-NP-Za-km-z]{46,50}$/.test(account)) {
    put('proxiedAccount', 'This is no SS58 address such as 43qsYbZG…');
  }
  for (const other of others) {
    if (other.manager !== draft.manager) continue;
    if (other.pid === draft.pid.trim())
      put('pid', `Pool ${other.pid} is there already: ${other.name}`);
    if (other.name === draft.name) put('name', `Pool ${other.pid} has that name`);
  }
  return faults;
}

/**
 * Checks a worker as its manager will.
 * @param others workers that there are; without the one that is edited
 */
export function faultsOfWorker(
  draft: WorkerDraft,
  others: Iterable<Pick<WorkerRow, 'manager' | 'name' | 'endpoint'>>,
): Faults<WorkerDraft> {
  const faults: Faults<WorkerDraft> = {};
  if (draft.manager === '' || draft.pid === '') faults.pid = 'Choose a pool';
  const name = faultOfName(draft.name);
  if (name !== undefined) faults.name = name;
  const endpoint = faultOfEndpoint(draft.endpoint);
  if (endpoint !== undefined) faults.endpoint = endpoint;
  const stake = faultOfStake(draft.stakePha);
  if (stake !== undefined) faults.stakePha = stake;
  const url = plainEndpoint(draft.endpoint);
  for (const other of others) {
    if (other.manager === draft.manager && other.name === draft.name) {
      faults.name = 'Another worker has that name';
    }
    if (other.endpoint === url) faults.endpoint = `${other.name} is at that address already`;
  }
  return faults;
}

/** An endpoint as managers keep it: without slashes at its end. */
export function plainEndpoint(text: string): string {
  return text.trim().replace(/\/+$/, '');
}

/** What the phrase looks like, said without any of it; undefined while nothing is typed. */
export function describePhrase(phrase: string): string | undefined {
  const words = wordsOf(phrase);
  if (words.length === 0) return undefined;
  const path = pathOf(phrase) === '' ? '' : ', with a derivation path';
  return `${words.length} ${words.length === 1 ? 'word' : 'words'}${path}`;
}

function faultOfPid(text: string): string | undefined {
  const pid = text.trim();
  if (pid === '') return 'The number of the pool on chain';
  if (!/^\d+$/.test(pid) || BigInt(pid) > MAX_PID) return 'A whole number such as 42';
  return undefined;
}

function faultOfName(name: string): string | undefined {
  if (name.trim() === '') return 'A name is needed';
  if (name.length > MAX_NAME) return `At most ${MAX_NAME} characters`;
  return undefined;
}

function faultOfEndpoint(text: string): string | undefined {
  const rule = 'An address such as http://10.0.0.2:8000';
  const endpoint = plainEndpoint(text);
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint)) return rule;
  const url = new URL(endpoint);
  if (url.username !== '' || url.password !== '') return 'Without user and password, please';
  if (url.search !== '' || url.hash !== '') return 'Without ? and #, please';
  return undefined;
}

function faultOfStake(text: string): string | undefined {
  if (text.trim() === '') return 'How much to stake, in PHA';
  const stake = parsePha(text);
  if (stake === undefined) return 'An amount of PHA such as 2,500 or 1999.5';
  if (BigInt(stake) < ONE_PHA) return 'At least 1 PHA';
  return undefined;
}

function faultOfPhrase(phrase: string, needsKey: boolean): string | undefined {
  const count = wordsOf(phrase).length;
  if (count === 0) return needsKey ? 'The phrase of the account that signs' : undefined;
  if (!phraseLengths.includes(count)) {
    return `A phrase has ${phraseLengths.slice(0, -1).join(', ')} or 24 words; this has ${count}`;
  }
  return undefined;
}

function wordsOf(phrase: string): string[] {
  const path = pathOf(phrase);
  return phrase
    .slice(0, phrase.length - path.length)
    .split(/\s+/)
    .filter(Boolean);
}

/** The derivation path behind a phrase: `//hard/soft///password`. */
function pathOf(phrase: string): string {
  return /\s*\/.*$/s.exec(phrase)?.[0] ?? '';
}
