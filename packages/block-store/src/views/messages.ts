import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/*
 * The records of package prb.db as 2022 keeps them under its keys. Like its encoder, every field is written, zero or
 * not. Source: runtime-bridge-walkie 0e488c7 src/proto/db.proto.
 */

/** prb.db.Genesis */
export interface GenesisRecord {
  paraId: number;
  paraNumber: number;
  parentNumber: number;
  /** SCALE GenesisBlockInfo */
  bridgeGenesisInfo: Uint8Array;
  /** SCALE StorageState */
  genesisState: Uint8Array;
}

/** The bytes of a prb.db.Genesis. */
export function encodeGenesisRecord(record: GenesisRecord): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, record.paraId);
  uint32(writer, 2, record.paraNumber);
  uint32(writer, 3, record.parentNumber);
  bytes(writer, 4, record.bridgeGenesisInfo);
  bytes(writer, 5, record.genesisState);
  return writer.finish();
}

/** prb.db.ParaBlock */
export interface ParaBlockRecord {
  number: number;
  hash: Uint8Array;
  header: Uint8Array;
  /** SCALE BlockHeaderWithChanges */
  dispatchBlockData: Uint8Array;
}

/** The bytes of a prb.db.ParaBlock. */
export function encodeParaBlockRecord(record: ParaBlockRecord): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, record.number);
  bytes(writer, 2, record.hash);
  bytes(writer, 3, record.header);
  bytes(writer, 5, record.dispatchBlockData);
  return writer.finish();
}

/** prb.db.ParentBlock */
export interface ParentBlockRecord {
  number: number;
  hash: Uint8Array;
  header: Uint8Array;
  /** The set id in the state of this block. */
  setId: number;
  hasJustification: boolean;
  /** SCALE HeaderToSync */
  syncHeaderData: Uint8Array;
  /** SCALE Option<AuthoritySetChange> */
  authoritySetChange: Uint8Array;
  /** 0 when there is none, or when it is not known at this height. */
  paraNumber: number;
  /** SCALE StorageProof; empty when it is not known at this height. */
  paraProof: Uint8Array;
}

/** The bytes of a prb.db.ParentBlock. */
export function encodeParentBlockRecord(record: ParentBlockRecord): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, record.number);
  bytes(writer, 2, record.hash);
  bytes(writer, 3, record.header);
  uint32(writer, 4, record.setId);
  writer.tag(5, WireType.Varint).bool(record.hasJustification);
  bytes(writer, 6, record.syncHeaderData);
  bytes(writer, 7, record.authoritySetChange);
  uint32(writer, 8, record.paraNumber);
  bytes(writer, 9, record.paraProof);
  return writer.finish();
}

/** prb.db.RangeMeta; -1 stands for no para headers. */
export interface RangeMetaRecord {
  parentStartBlock: number;
  parentStopBlock: number;
  paraStartBlock: number;
  paraStopBlock: number;
  drySyncHeaderReqKey: string;
  /** The set id in the state of the last relay block. */
  latestSetId: number;
  blobParentStopBlock: number;
  blobParaStopBlock: number;
  blobSyncHeaderReqKey: string;
}

/** The bytes of a prb.db.RangeMeta; the two lists of numbers follow from the ends. */
export function encodeRangeMetaRecord(record: RangeMetaRecord): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, record.parentStartBlock);
  uint32(writer, 2, record.parentStopBlock);
  int32(writer, 3, record.paraStartBlock);
  int32(writer, 4, record.paraStopBlock);
  packedSpan(writer, 5, record.parentStartBlock, record.parentStopBlock);
  if (record.paraStopBlock >= 0) {
    packedSpan(writer, 6, record.paraStartBlock, record.paraStopBlock);
  }
  writer.tag(7, WireType.LengthDelimited).string(record.drySyncHeaderReqKey);
  int32(writer, 8, record.latestSetId);
  uint32(writer, 9, record.blobParentStopBlock);
  int32(writer, 10, record.blobParaStopBlock);
  writer.tag(11, WireType.LengthDelimited).string(record.blobSyncHeaderReqKey);
  return writer.finish();
}

function packedSpan(writer: BinaryWriter, field: number, first: number, last: number): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  for (let number = first; number <= last; number += 1) writer.uint32(number);
  writer.join();
}

function uint32(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).uint32(value);
}

function int32(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int32(value);
}

function bytes(writer: BinaryWriter, field: number, value: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(value);
}
