import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The configuration API of a PRBv3 as far as `prb inventory push-prbv3` uses it, strict about names and types as its
 * serde structs are (phala-blockchain 654b1b699 standalone/prb/src/{api,cli,configurator,inv_db}.rs).
 */
export async function startPrbv3() {
  const pools = new Map<number, Record<string, unknown>>();
  const workers = new Map<string, Record<string, unknown>>();
  const operators = new Map<number, Record<string, unknown>>();
  const types: Record<string, Record<string, string>> = {
    AddPool: { name: 'string', pid: 'number', disabled: 'boolean', sync_only: 'boolean' },
    AddWorker: {
      name: 'string',
      endpoint: 'string',
      stake: 'string',
      pid: 'number',
      disabled: 'boolean',
      sync_only: 'boolean',
      gatekeeper: 'boolean',
    },
    SetPoolOperator: { pid: 'number', account: 'string', account_type: 'string' },
  };
  types['UpdatePool'] = types['AddPool']!;
  types['UpdateWorker'] = types['AddWorker']!;

  const poolOf = ({ pid, name, disabled, sync_only }: Record<string, unknown>) => ({
    id: `pool-${String(pid)}`,
    name,
    pid,
    enabled: !disabled,
    sync_only,
    workers: null,
  });
  const apply = (command: unknown): unknown => {
    if (command === 'GetAllPoolsWithWorkers') {
      return [...pools.values()].map((pool) => ({
        ...pool,
        workers: [...workers.values()].filter(({ pid }) => pid === pool['pid']),
      }));
    }
    const [name, body] = Object.entries(command as Record<string, Record<string, unknown>>)[0]!;
    for (const [field, type] of Object.entries(types[name] ?? {})) {
      if (typeof body[field] !== type)
        throw new Error(`invalid type of ${field}, expected ${type}`);
    }
    const pid = body['pid'] as number;
    const worker = body['name'] as string;
    switch (name) {
      case 'AddPool':
        if (pools.has(pid)) throw new Error('Pool already exists!');
        return pools.set(pid, poolOf(body)).get(pid);
      case 'UpdatePool':
        if (!pools.has(pid)) throw new Error('Pool not found!');
        return pools.set(pid, poolOf(body)).get(pid);
      case 'SetPoolOperator':
        if (body['account_type'] !== 'Seed') throw new Error('only seeds here');
        return operators.set(pid, body).get(pid);
      case 'AddWorker':
      case 'UpdateWorker': {
        if (!pools.has(pid)) throw new Error('Pool not found!');
        if (workers.has(worker) !== (name === 'UpdateWorker'))
          throw new Error('Duplicated worker name!');
        const { disabled, endpoint, ...others } = body;
        const url = new URL(endpoint as string).href;
        return workers
          .set(worker, { ...others, id: `w-${worker}`, endpoint: url, enabled: !disabled })
          .get(worker);
      }
      default:
        throw new Error(`unknown variant ${name}`);
    }
  };

  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method !== 'POST' || request.url !== '/wm/config') {
        response.writeHead(418).end();
        return;
      }
      try {
        response.end(JSON.stringify(apply(JSON.parse(text)), undefined, 2));
      } catch (error) {
        response
          .writeHead(500)
          .end(
            JSON.stringify({ error: true, code: 'ServerError', message: (error as Error).message }),
          );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    pools,
    workers,
    operators,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
