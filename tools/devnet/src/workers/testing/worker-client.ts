/** A client of one worker for tests: both transports, no more than they need. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import {
  GetEgressMessagesResponseSchema,
  GetRuntimeInfoRequestSchema,
  InitRuntimeRequestSchema,
  InitRuntimeResponseSchema,
  PhactoryInfoSchema,
  PrpcErrorSchema,
  type InitRuntimeResponse,
  type PhactoryInfo,
} from '../gen/pruntime_rpc_pb.js';
import { ScaleReader } from '../../primitives/index.js';
import type { SampleChain } from './sample-chain.js';

/** What `/bin_api` wraps its payload in. */
export interface Wrapper {
  status: string;
  payload: string;
  signature: string | null;
}

/** A message as it waits in the egress queue. */
export interface EgressMessage {
  origin: Uint8Array;
  destination: string;
  payload: Uint8Array;
  sequence: bigint;
  /** What the signature covers. */
  signed: Uint8Array;
  signature: Uint8Array;
}

export class WorkerClient {
  constructor(readonly url: string) {}

  async post(path: string, body: Uint8Array, type = 'application/octet-stream'): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: Buffer.from(body),
    });
  }

  /** `/bin_api/<route>`: the wrapper's payload, parsed. */
  async bin(route: string, body: Uint8Array): Promise<Record<string, unknown>> {
    const wrapper = await this.binWrapper(route, body);
    return JSON.parse(wrapper.payload) as Record<string, unknown>;
  }

  async binWrapper(route: string, body: Uint8Array): Promise<Wrapper> {
    const response = await this.post(`/bin_api/${route}`, body);
    return (await response.json()) as Wrapper;
  }

  /** `/prpc/PhactoryAPI.<method>`; throws `<status> <message>` of a PrpcError. */
  async prpc<In extends DescMessage, Out extends DescMessage>(
    method: string,
    input: In,
    output: Out,
    request: MessageInitShape<In>,
  ): Promise<MessageShape<Out>> {
    const body = toBinary(input, create(input, request));
    const response = await this.post(`/prpc/PhactoryAPI.${method}`, body);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.status === 200) return fromBinary(output, bytes);
    throw new Error(`${response.status} ${fromBinary(PrpcErrorSchema, bytes).message}`);
  }

  info(): Promise<PhactoryInfo> {
    return this.prpc('GetInfo', EmptySchema, PhactoryInfoSchema, {});
  }

  /** Next relay header, para header and block. */
  async heights(): Promise<[number, number, number]> {
    const info = await this.info();
    return [info.headernum, info.paraHeadernum, info.blocknum];
  }

  init(
    chain: SampleChain,
    options: MessageInitShape<typeof InitRuntimeRequestSchema> & { at?: number } = {},
  ): Promise<InitRuntimeResponse> {
    const { at = 0, ...request } = options;
    return this.prpcInit({
      encodedGenesisInfo: chain.genesisInfo(at),
      encodedGenesisState: chain.genesisState(),
      isParachain: true,
      ...request,
    });
  }

  /** InitRuntime with a request of one's own. */
  prpcInit(
    request: MessageInitShape<typeof InitRuntimeRequestSchema>,
  ): Promise<InitRuntimeResponse> {
    return this.prpc('InitRuntime', InitRuntimeRequestSchema, InitRuntimeResponseSchema, request);
  }

  runtimeInfo(
    request: MessageInitShape<typeof GetRuntimeInfoRequestSchema> = {},
  ): Promise<InitRuntimeResponse> {
    return this.prpc(
      'GetRuntimeInfo',
      GetRuntimeInfoRequestSchema,
      InitRuntimeResponseSchema,
      request,
    );
  }

  async egress(): Promise<EgressMessage[]> {
    const { encodedMessages } = await this.prpc(
      'GetEgressMessages',
      EmptySchema,
      GetEgressMessagesResponseSchema,
      {},
    );
    const r = new ScaleReader(encodedMessages);
    const groups = r.vec((g) => {
      g.take(33);
      return g.vec((m): EgressMessage => {
        const start = m.position;
        const origin = m.take(33);
        const destination = Buffer.from(m.bytes()).toString('utf8');
        const payload = m.bytes();
        const sequence = m.u64();
        const signed = m.input.subarray(start, m.position);
        return { origin, destination, payload, sequence, signed, signature: m.bytes() };
      });
    });
    r.end();
    return groups.flat();
  }
}
