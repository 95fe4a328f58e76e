import type { CallBuilder, TxGateway } from '@runtime-bridge/chain-client/tx';

/** The calls that jobs become. */
export type TxCalls = Pick<
  CallBuilder,
  | 'syncOffchainMessage'
  | 'registerWorker'
  | 'addWorker'
  | 'startComputing'
  | 'stopComputing'
  | 'reclaimPoolWorker'
  | 'restartComputing'
  | 'forceBatch'
  | 'proxy'
>;

/** All that the sender wants of the chain; TxGateway is it. */
export interface TxChain extends Pick<
  TxGateway,
  | 'bestHead'
  | 'finalizedHead'
  | 'connected'
  | 'runtimeVersion'
  | 'genesisHash'
  | 'blockLimits'
  | 'blockHash'
  | 'nextNonce'
  | 'balance'
  | 'poolExists'
  | 'sign'
  | 'estimate'
  | 'submit'
  | 'blockTxs'
  | 'outcome'
> {
  readonly calls: TxCalls;
}
