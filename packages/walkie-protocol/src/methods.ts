import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { OperatorListSchema } from './gen/prb/account_pb.js';
import { AlertListSchema } from './gen/prb/alert_pb.js';
import { BlobSchema, RawBlobSchema } from './gen/prb/data-provider_pb.js';
import { TransactionListSchema, WorkerEventListSchema } from './gen/prb/history_pb.js';
import { PoolListSchema, WorkerListSchema } from './gen/prb/lifecycle_pb.js';
import { WalkieRpc } from './gen/prb/message_pb.js';
import { OrderAnswerSchema, StandingOrderListSchema } from './gen/prb/order_pb.js';
import { DocumentSchema, ImportResultSchema } from './gen/prb/transfer_pb.js';
import { WorkerStateUpdateSchema } from './gen/prb/worker_pb.js';
import { WRAPPER_BYTES, type WalkieLimits } from './limits.js';

type Methods = typeof WalkieRpc.method;

/** The methods of `prb.WalkieRpc`, named as on the wire. */
export type MethodName = Capitalize<keyof Methods>;
type Descriptor<M extends MethodName> = Methods[Uncapitalize<M> & keyof Methods];

/** What a caller may write for a request: a message or plain fields. */
export type RequestInit<M extends MethodName> = MessageInitShape<Descriptor<M>['input']>;
/** The decoded request of a method. */
export type RequestOf<M extends MethodName> = MessageShape<Descriptor<M>['input']>;
/** What a handler may answer: a message or plain fields. Fields that are set go on the wire even if zero or false. */
export type ResponseInit<M extends MethodName> = MessageInitShape<Descriptor<M>['output']>;
/** The decoded answer of a method. */
export type ResponseOf<M extends MethodName> = MessageShape<Descriptor<M>['output']>;

/** One method at run time. */
export interface Method {
  readonly name: MethodName;
  readonly input: DescMessage;
  readonly output: DescMessage;
  /** Whether it changes something at the responder, so that not everybody may call it. */
  readonly changes: boolean;
}

/** Methods that change something; all others only read. */
const CHANGING: ReadonlySet<MethodName> = new Set<MethodName>([
  'CreatePool',
  'UpdatePool',
  'CreateWorker',
  'UpdateWorker',
  'RestartWorker',
  'RefreshRaAndRestartWorker',
  'KickWorker',
  'ImportInventory',
  'StopWorker',
  'DrainWorker',
  'ReclaimWorker',
  'ResumeWorker',
  'TestWebhook',
]);

const METHODS: ReadonlyMap<string, Method> = new Map(
  WalkieRpc.methods.map((descriptor): [string, Method] => {
    const name = descriptor.name as MethodName;
    return [
      name,
      {
        name,
        input: descriptor.input,
        output: descriptor.output,
        changes: CHANGING.has(name),
      },
    ];
  }),
);

/** All methods, in the order of the schema. */
export const walkieMethods: readonly Method[] = [...METHODS.values()];

/** The method of a name, spelled exactly as on the wire. */
export function findMethod(name: string): Method | undefined {
  return METHODS.get(name);
}

const BLOBS: ReadonlySet<string> = new Set([RawBlobSchema.typeName, BlobSchema.typeName]);
const LISTS: ReadonlySet<string> = new Set([
  PoolListSchema.typeName,
  WorkerListSchema.typeName,
  WorkerStateUpdateSchema.typeName,
  WorkerEventListSchema.typeName,
  TransactionListSchema.typeName,
  DocumentSchema.typeName,
  ImportResultSchema.typeName,
  OrderAnswerSchema.typeName,
  StandingOrderListSchema.typeName,
  AlertListSchema.typeName,
  OperatorListSchema.typeName,
]);

/** The largest wrapper that an answer of this method may be. */
export function maxAnswerBytes(method: Method, limits: WalkieLimits): number {
  const { typeName } = method.output;
  if (BLOBS.has(typeName)) return WRAPPER_BYTES + limits.maxBlobBytes + limits.maxKeyBytes;
  return WRAPPER_BYTES + (LISTS.has(typeName) ? limits.maxListBytes : limits.maxMessageBytes);
}
