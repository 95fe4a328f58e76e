import type { TxStatus } from '../chain/types.js';

type Listener = (status: TxStatus) => void;

/** Tells listeners what becomes of transactions, and newcomers what it is now. */
export class PoolWatchers {
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly current = new Map<string, TxStatus>();

  /** `broadcastTo` stands for the peers that a ready transaction is gossiped to; may be empty. */
  constructor(private readonly broadcastTo: readonly string[]) {}

  /** Sets a status; after one that is final nothing more is told. */
  tell(hash: string, status: TxStatus): void {
    if (isFinal(status)) this.current.delete(hash);
    else this.current.set(hash, status);
    for (const listener of this.listeners.get(hash) ?? []) this.deliver(listener, status);
    if (isFinal(status)) this.listeners.delete(hash);
  }

  /** Starts to listen; the current status comes at once. Returns how to stop. */
  watch(hash: string, listener: Listener): () => void {
    const set = this.listeners.get(hash) ?? new Set();
    this.listeners.set(hash, set);
    set.add(listener);
    const status = this.current.get(hash);
    if (status !== undefined) this.deliver(listener, status);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.listeners.get(hash) === set) this.listeners.delete(hash);
    };
  }

  /** Status of a transaction that is in the pool or in a block that is not final. */
  status(hash: string): TxStatus | undefined {
    return this.current.get(hash);
  }

  private deliver(listener: Listener, status: TxStatus): void {
    listener(status);
    if (status === 'ready' && this.broadcastTo.length > 0) {
      listener({ broadcast: [...this.broadcastTo] });
    }
  }
}

function isFinal(status: TxStatus): boolean {
  if (typeof status === 'string') return status === 'dropped' || status === 'invalid';
  return 'finalized' in status || 'usurped' in status || 'finalityTimeout' in status;
}
