const words: Readonly<Record<string, string>> = {
  BATCH_SYNC_MQ_MESSAGE: 'Messages of the worker',
  REGISTER_WORKER: 'Register the worker',
  ADD_WORKER: 'Add it to the pool',
  START_COMPUTING: 'Start computing',
  STOP_COMPUTING: 'Stop computing',
  RESTART_COMPUTING: 'Raise the stake',
  RECLAIM_POOL_WORKER: 'Reclaim the stake',
};

/** What a transaction is for, in words; an action that is not known here as it is, in lower case. */
export function wordOfTransaction(action: string): string {
  const word = words[action];
  if (word !== undefined) return word;
  const plain = action.toLowerCase().replaceAll('_', ' ');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
