/** Hand-made chains and a client, for tests that feed workers. */
export {
  PARA_ID,
  SampleChain,
  authoritiesOf,
  blockToDispatch,
  justificationOf,
  voter,
  voterSet,
  type ParaBlock,
  type SampleBlock,
  type Vote,
  type Voter,
  type VoterSet,
} from './sample-chain.js';
export { WorkerClient, type EgressMessage, type Wrapper } from './worker-client.js';
