import type { ChainReader, WorkerOnChain } from './chain-reader.js';
import type { Expectation } from './expectation.js';
import { readWorkerInfo, type WorkerInfo } from './worker-info.js';

/** How strict the auditor is. */
export interface AuditOptions {
  /** Blocks of the parachain for which everything must stay right. */
  holdBlocks: number;
  timeoutMs: number;
  /** How many finalised blocks a worker may be behind when it is asked, since both move on between the questions. */
  allowedLag: number;
  pollMs: number;
}

/** What came of it. */
export type AuditResult =
  { content: true; atBlock: number } | { content: false; reasons: string[] };

interface Observed {
  info: WorkerInfo | undefined;
  reasons: string[];
}

/**
 * Watches until every worker is as asked and has stayed so for some blocks: registered with a score, assigned to its
 * pool, its session WorkerIdle with the stake asked for, its heights at the finalised heads, and everything that it
 * sent taken by the chain exactly once.
 */
export async function audit(
  expectations: readonly Expectation[],
  chains: ChainReader,
  options: AuditOptions,
  tell: (line: string) => void,
): Promise<AuditResult> {
  const deadline = Date.now() + options.timeoutMs;
  const messages = new MessageLedger(chains);
  let rightSince: number | undefined;
  let reasons: string[] = ['nothing was looked at'];
  let told = '';
  while (Date.now() < deadline) {
    let finalized = 0;
    try {
      const head = await chains.paraFinalized();
      finalized = head.number;
      const relay = await chains.relayFinalized();
      const observed = await Promise.all(
        expectations.map((expected) => observe(expected, chains, head, relay, options.allowedLag)),
      );
      reasons = observed.flatMap((one) => one.reasons);
      if (reasons.length === 0) {
        reasons = await messages.check(
          observed.map((one) => one.info!),
          head,
        );
      }
    } catch (error) {
      reasons = [`chains: ${error instanceof Error ? error.message : String(error)}`];
    }
    if (reasons.length > 0) {
      if (rightSince !== undefined)
        tell(`No longer right after block ${finalized}: ${reasons.join('; ')}`);
      rightSince = undefined;
    } else {
      if (rightSince === undefined)
        tell(`All ${expectations.length} workers are right at block ${finalized}`);
      rightSince ??= finalized;
      if (finalized - rightSince >= options.holdBlocks)
        return { content: true, atBlock: finalized };
    }
    const summary = `${reasons.length} things are not right yet`;
    if (reasons.length > 0 && summary !== told) tell(`${summary}, the first: ${reasons[0]}`);
    told = summary;
    await new Promise((resolve) => setTimeout(resolve, options.pollMs));
  }
  if (reasons.length === 0) {
    reasons = [
      `Everything was right since block ${rightSince}, but not for ${options.holdBlocks} blocks`,
    ];
  }
  return { content: false, reasons };
}

async function observe(
  expected: Expectation,
  chains: ChainReader,
  head: { number: number; hash: string },
  relayFinalized: number,
  allowedLag: number,
): Promise<Observed> {
  const reasons: string[] = [];
  const refuse = (what: string) => reasons.push(`${expected.endpoint}: ${what}`);
  let info: WorkerInfo | undefined;
  try {
    info = await readWorkerInfo(expected.endpoint);
  } catch (error) {
    refuse(`does not answer: ${error instanceof Error ? error.message : String(error)}`);
    return { info, reasons };
  }
  if (!info.initialized || info.publicKey === undefined) {
    refuse('is not initialized');
    return { info, reasons };
  }
  if (!info.registered) refuse('does not know that it is registered');
  if (info.relayNext - 1 < relayFinalized - allowedLag)
    refuse(`relay header ${info.relayNext - 1}, finalised ${relayFinalized}`);
  if (info.paraNext - 1 < head.number - allowedLag)
    refuse(`para header ${info.paraNext - 1}, finalised ${head.number}`);
  if (info.blockNext - 1 < head.number - allowedLag)
    refuse(`block ${info.blockNext - 1}, finalised ${head.number}`);
  const onChain = await chains.worker(info.publicKey, head.hash);
  for (const reason of compare(expected, onChain)) refuse(reason);
  return { info, reasons };
}

/** What is not as it was asked for. */
export function compare(expected: Expectation, onChain: WorkerOnChain): string[] {
  const reasons: string[] = [];
  if (onChain.score === undefined) reasons.push('has no score on chain');
  if (onChain.poolId !== expected.poolId)
    reasons.push(`is in pool ${onChain.poolId}, asked for ${expected.poolId}`);
  if (onChain.sessionState !== 'WorkerIdle') reasons.push(`its session is ${onChain.sessionState}`);
  if (onChain.stake !== expected.stake)
    reasons.push(`its stake is ${onChain.stake}, asked for ${expected.stake}`);
  return reasons;
}

/** Counts the messages in every block once, and holds the counts against the chain's own sequence numbers. */
class MessageLedger {
  readonly #taken = new Map<string, number>();
  #counted = 0;

  constructor(private readonly chains: ChainReader) {}

  async check(
    workers: readonly WorkerInfo[],
    head: { number: number; hash: string },
  ): Promise<string[]> {
    const counts = await this.chains.messagesIn(this.#counted + 1, head.number);
    this.#counted = Math.max(this.#counted, head.number);
    for (const [sender, { taken }] of counts)
      this.#taken.set(sender, (this.#taken.get(sender) ?? 0) + taken);
    const reasons: string[] = [];
    for (const { publicKey, pendingMessages } of workers) {
      const { ingress } = await this.chains.worker(publicKey!, head.hash);
      const taken = this.#taken.get(publicKey!) ?? 0;
      if (BigInt(taken) !== ingress)
        reasons.push(
          `${publicKey}: ${taken} messages in blocks, but the chain expects ${ingress} next`,
        );
      if (taken === 0) reasons.push(`${publicKey}: no message of it reached the chain`);
      if (pendingMessages > MAX_PENDING)
        reasons.push(`${publicKey}: ${pendingMessages} messages wait to be taken`);
    }
    return reasons;
  }
}

/** Messages that may be on their way; more than this means that they are not being carried. */
const MAX_PENDING = 20;
