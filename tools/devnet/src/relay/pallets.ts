/**
 * Indices of the relay chain's pallets, calls and events, as Kusama's (the metadata must say the same).
 */
export const RelayPallet = {
  system: {
    index: 0,
    call: { remark: 0, remarkWithEvent: 7 },
    event: { extrinsicSuccess: 0, remarked: 5 },
  },
  timestamp: { index: 2, call: { set: 0 } },
  grandpa: { index: 10, event: { newAuthorities: 0 } },
  paras: { index: 56 },
} as const;
