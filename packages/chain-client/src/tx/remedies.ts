/**
 * What to do about the errors that operators meet. Conditions: phala-blockchain 654b1b6
 * pallets/phala/src/{registry.rs,mq.rs,compute/computation.rs,compute/stake_pool_v2.rs}.
 */
const remedies: Readonly<Record<string, string>> = {
  'phalaStakePoolv2.InsufficientFreeStake':
    'Contribute more PHA to the pool, or lower the stake of the worker.',
  'phalaStakePoolv2.InsufficientContribution': 'Raise the amount above the minimum contribution.',
  'phalaStakePoolv2.BenchmarkMissing':
    'Wait until the worker has a benchmark score; refresh its remote attestation if none comes.',
  'phalaStakePoolv2.WorkerNotRegistered':
    'Register the worker first: refresh its remote attestation.',
  'phalaStakePoolv2.WorkerExists': 'Nothing to do: the worker is in the pool already.',
  'phalaStakePoolv2.WorkerDoesNotExist': 'Add the worker to this pool first.',
  'phalaStakePoolv2.WorkerInAnotherPool':
    'Remove the worker from the other pool, or give it that pool here.',
  'phalaStakePoolv2.UnauthorizedOperator':
    'Register the worker with the operator of this pool: refresh its remote attestation.',
  'phalaStakePoolv2.UnauthorizedPoolOwner':
    'Give the pool the operator that owns it, or set its proxied account to the owner.',
  'phalaStakePoolv2.PoolDoesNotExist': 'Check the pool id (pid).',
  'phalaStakePoolv2.WorkersExceedLimit':
    'Use another pool: this one has as many workers as it may.',
  'phalaStakePoolv2.FailedToBindSessionAndWorker':
    'Wait until the old session of the worker has cooled down and is reclaimed, then try again.',
  'phalaStakePoolv2.CannotRestartWithLessStake':
    'Give the worker more stake than it has, or stop it and wait for the cool-down.',
  'phalaStakePoolv2.WithdrawQueueNotEmpty':
    'Somebody waits for a withdrawal from the pool: let more PHA in before raising the stake.',
  'phalaStakePoolv2.WorkerAlreadyStopped': 'Nothing to do: the worker is cooling down already.',
  'phalaStakePoolv2._PoolIsBusy': 'Nothing to do: it is tried again.',
  'phalaComputation.BenchmarkMissing':
    'Wait until the worker has a benchmark score; refresh its remote attestation if none comes.',
  'phalaComputation.BenchmarkTooLow':
    'The machine is too slow for the chain: give it more cores, then refresh its remote attestation.',
  'phalaComputation.InsufficientStake':
    'Raise the stake of the worker: the minimum grows with the square root of its score.',
  'phalaComputation.TooMuchStake':
    'Lower the stake of the worker: it is above what the chain allows.',
  'phalaComputation.WorkerNotReady':
    'Nothing to do if the worker computes already; else wait for the cool-down and reclaim it.',
  'phalaComputation.WorkerNotComputing': 'Start the worker first: it does not compute.',
  'phalaComputation.CoolDownNotReady': 'Wait until the cool-down is over.',
  'phalaComputation.WorkerReregisterNeeded': 'Refresh the remote attestation of the worker.',
  'phalaComputation.SessionNotFound': 'Add the worker to the pool first.',
  'phalaRegistry.PRuntimeRejected':
    'Use a pRuntime release that the chain allows: this one is not on its list.',
  'phalaRegistry.OutdatedIASReport':
    'Refresh the remote attestation: the report is older than two hours. Check the clock of the worker.',
  'phalaRegistry.InvalidQuoteStatus':
    'Update BIOS and microcode of the worker: Intel does not vouch for this machine as it is.',
  'phalaRegistry.GenesisBlockHashRejected':
    'Empty the worker and start it again: it was set up with another relay chain.',
  'phalaRegistry.ParachainIdMismatch':
    'Empty the worker and start it again: it was set up for another parachain.',
  'phalaRegistry.InvalidRuntimeInfoHash': 'Refresh the remote attestation of the worker.',
  'phalaRegistry.NoneAttestationDisabled':
    'This chain wants a remote attestation: do not skip it (PHALA_DEV_SKIP_RA).',
  'phalaMq.BadSequence':
    'Nothing to do: the message is on chain already, or one before it is missing; it is looked at again.',
  'phalaMq.BadSender': 'Messages of this sender are not taken by the chain.',
  'proxy.NotProxy':
    'Make the operator a proxy (StakePoolManager) of the proxied account, or correct either of them.',
  'proxy.Unproxyable':
    'Give the proxy of the operator a type that allows this call (StakePoolManager).',
  'system.CallFiltered':
    'Give the proxy of the operator a type that allows this call (StakePoolManager).',
  'utility.TooManyCalls': 'Lower the number of calls per batch.',
};

/** One sentence that says what to do about an error of a pallet; undefined where we have none. */
export function remedyOf(pallet: string | undefined, name: string): string | undefined {
  return pallet === undefined ? undefined : remedies[`${pallet}.${name}`];
}
