import type { Logger } from '@runtime-bridge/base';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  apiPaths,
  transferFormats,
  type ActionProgress,
  type ActionRequest,
  type ImportRequest,
  type NewWorkers,
  type PoolInput,
  type SilenceRequest,
  type TransferFormat,
  type WorkerInput,
} from '../api/index.js';
import type { AuditLog, AuditNote } from '../audit/audit-log.js';
import type { ActionDesk } from '../desk/action-desk.js';
import { ApiError } from '../desk/api-error.js';
import type { InventoryDesk } from '../desk/inventory-desk.js';
import type { LookupDesk } from '../desk/lookup-desk.js';
import type { FleetWatch } from '../fleet/fleet-watch.js';
import {
  actionBody,
  importBody,
  newWorkersBody,
  poolBody,
  silenceBody,
  workerBody,
} from './body-schemas.js';
import type { Callers } from './callers.js';
import { Query } from './queries.js';

/** What changes are made with. */
export interface ChangeRouteCollaborators {
  callers: Callers;
  audit: AuditLog;
  actions: ActionDesk;
  inventory: InventoryDesk;
  lookup: LookupDesk;
  fleet: FleetWatch;
  logger: Logger;
}

interface OfManager {
  Params: { manager: string };
}
interface OfRow {
  Params: { manager: string; uuid: string };
}
interface OfId {
  Params: { id: string };
}

const CONTENT_TYPES: Readonly<Record<TransferFormat, string>> = {
  yaml: 'application/yaml; charset=utf-8',
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  prbv3: 'text/plain; charset=utf-8',
};

/** Routes that change something; each leaves an entry in the audit log, whatever comes of it. */
export function addChangeRoutes(
  app: FastifyInstance,
  collaborators: ChangeRouteCollaborators,
): void {
  addActionRoutes(app, collaborators);
  addInventoryRoutes(app, collaborators);
  const { fleet, lookup } = collaborators;
  app.post<OfId & { Body: SilenceRequest }>(
    '/api/alerts/:id/silence',
    { schema: { body: silenceBody } },
    (request) => {
      const { untilMs } = request.body;
      const detail = untilMs === null ? 'lifted' : `until ${new Date(untilMs).toISOString()}`;
      return audited(collaborators, request, { what: 'alert.silence', detail }, async () => {
        const alert = fleet.alerts.silence(fleet.store, request.params.id, untilMs);
        if (alert === undefined) throw ApiError.notFound('That alert');
        return alert;
      });
    },
  );
  app.post<OfManager>('/api/managers/:manager/webhook-test', (request) => {
    const { manager } = request.params;
    return audited(collaborators, request, { what: 'webhook.test', manager }, () =>
      lookup.testWebhook(manager),
    );
  });
}

function addActionRoutes(app: FastifyInstance, collaborators: ChangeRouteCollaborators): void {
  const { actions, audit, fleet } = collaborators;
  app.post<{ Body: ActionRequest }>(
    apiPaths.actions,
    { schema: { body: actionBody } },
    async (request, reply) => {
      const action = request.body;
      if (action.kind === 'move' && action.pid === undefined) {
        throw ApiError.badRequest('pid is missing: the pool to move to', 'pid');
      }
      if (action.preview === true) return actions.preview(action);
      const managers = new Set(action.targets.map(({ manager }) => manager));
      const names = action.targets
        .slice(0, 10)
        .map(({ manager, uuid }) => fleet.store.worker(manager, uuid)?.name ?? uuid);
      const note = {
        ...callerOf(collaborators, request),
        what: action.kind,
        manager: managers.size === 1 ? [...managers][0]! : null,
        targets: names,
        targetCount: action.targets.length,
        detail: action.pid === undefined ? '' : `pid → ${action.pid}`,
        error: null,
      };
      let progress: ActionProgress;
      try {
        progress = actions.start(action, (ended) =>
          audit.add({ ...note, targetCount: ended.total, ...endOf(ended) }),
        );
      } catch (error) {
        audit.add({ ...note, outcome: 'refused', error: ApiError.of(error).message });
        throw error;
      }
      audit.add({ ...note, targetCount: progress.total, outcome: 'begun' });
      return reply.code(202).send(progress);
    },
  );
  app.get<OfId>('/api/actions/:id', (request, reply) =>
    reply.send(actions.get(request.params.id, new Query(request).whole('after', 0))),
  );
  app.delete<OfId>('/api/actions/:id', (request) =>
    audited(collaborators, request, { what: 'action.stop' }, async () =>
      actions.cancel(request.params.id),
    ),
  );
}

function endOf({
  done,
  failed,
  skipped,
  results,
}: ActionProgress): Pick<AuditNote, 'outcome' | 'error' | 'detail'> {
  const first = results.find(({ outcome }) => outcome === 'failed');
  return {
    outcome: failed === 0 ? 'done' : done > 0 ? 'partly' : 'failed',
    detail: `${done} done, ${failed} failed, ${skipped} skipped`,
    error: first === undefined ? null : `${first.name}: ${first.message}`,
  };
}

function addInventoryRoutes(app: FastifyInstance, collaborators: ChangeRouteCollaborators): void {
  const { inventory } = collaborators;
  const pools = '/api/managers/:manager/pools';
  app.post<OfManager & { Body: PoolInput }>(pools, { schema: { body: poolBody } }, (request) => {
    const { manager } = request.params;
    const note = { what: 'pool.create', manager, ...describePool(request.body) };
    return audited(collaborators, request, note, () => inventory.createPool(manager, request.body));
  });
  app.put<OfRow & { Body: PoolInput }>(
    `${pools}/:uuid`,
    { schema: { body: poolBody } },
    (request) => {
      const { manager, uuid } = request.params;
      const note = { what: 'pool.change', manager, ...describePool(request.body) };
      return audited(collaborators, request, note, () =>
        inventory.updatePool(manager, uuid, request.body),
      );
    },
  );
  app.delete<OfRow>(`${pools}/:uuid`, async (request, reply) => {
    const { manager, uuid } = request.params;
    const { fleet } = collaborators;
    const name = fleet.store.rows('pools').get(`${manager}/${uuid}`)?.name ?? uuid;
    const note = { what: 'pool.delete', manager, targets: [name] };
    await audited(collaborators, request, note, () => inventory.deletePool(manager, uuid));
    return reply.code(204).send();
  });
  const workers = '/api/managers/:manager/workers';
  app.post<OfManager & { Body: NewWorkers }>(
    workers,
    { schema: { body: newWorkersBody } },
    (request) => {
      const { manager } = request.params;
      const { workers: inputs } = request.body;
      const note = { what: 'worker.create', manager, targets: inputs.map(({ name }) => name) };
      return audited(collaborators, request, note, () => inventory.createWorkers(manager, inputs));
    },
  );
  app.put<OfRow & { Body: WorkerInput }>(
    `${workers}/:uuid`,
    { schema: { body: workerBody } },
    (request) => {
      const { manager, uuid } = request.params;
      const { name, pid, endpoint, stake, enabled, syncOnly } = request.body;
      const note = {
        what: 'worker.change',
        manager,
        targets: [name],
        detail: JSON.stringify({ pid, endpoint: withoutUser(endpoint), stake, enabled, syncOnly }),
      };
      return audited(collaborators, request, note, () =>
        inventory.updateWorker(manager, uuid, request.body),
      );
    },
  );
  app.delete<OfRow>(`${workers}/:uuid`, async (request, reply) => {
    const { manager, uuid } = request.params;
    const name = collaborators.fleet.store.worker(manager, uuid)?.name ?? uuid;
    const note = { what: 'worker.delete', manager, targets: [name] };
    await audited(collaborators, request, note, () => inventory.deleteWorker(manager, uuid));
    return reply.code(204).send();
  });
  addTransferRoutes(app, collaborators);
}

function addTransferRoutes(app: FastifyInstance, collaborators: ChangeRouteCollaborators): void {
  const { inventory } = collaborators;
  const path = '/api/managers/:manager/inventory';
  app.get<OfManager>(path, async (request, reply) => {
    const format = new Query(request).text('format') || 'yaml';
    if (!isFormat(format)) {
      throw ApiError.badRequest(`format has to be one of ${transferFormats.join(', ')}`, 'format');
    }
    const text = await inventory.export(request.params.manager, format);
    const extension = format === 'prbv3' ? 'txt' : format;
    return reply
      .type(CONTENT_TYPES[format])
      .header('content-disposition', `attachment; filename="inventory.${extension}"`)
      .send(text);
  });
  app.post<OfManager & { Body: ImportRequest }>(
    path,
    { schema: { body: importBody } },
    async (request) => {
      const { manager } = request.params;
      const { dryRun, prune, format } = request.body;
      if (dryRun) return inventory.import(manager, request.body);
      // The text may hold phrases: only how it was meant is told.
      const detail = `${format}${prune ? ', removing what is not in it' : ''}`;
      return audited(collaborators, request, { what: 'inventory.import', manager, detail }, () =>
        inventory.import(manager, request.body),
      );
    },
  );
}

const isFormat = (text: string): text is TransferFormat =>
  (transferFormats as readonly string[]).includes(text);

function describePool({ pid, name, enabled, syncOnly, proxiedAccount, mnemonic }: PoolInput) {
  const operator = mnemonic === undefined || mnemonic === '' ? 'kept' : 'set anew';
  return {
    targets: [name],
    detail: JSON.stringify({ pid, enabled, syncOnly, proxiedAccount, operator }),
  };
}

/** Managers refuse endpoints with a user; a password must not get into the log on the way there. */
function withoutUser(endpoint: string): string {
  return endpoint.replace(/\/\/[^/@]*@/, '//***@');
}

/** Does something and notes who did it, and what came of it. @throws ApiError */
async function audited<T>(
  collaborators: ChangeRouteCollaborators,
  request: FastifyRequest,
  note: { what: string } & Partial<Pick<AuditNote, 'manager' | 'targets' | 'detail'>>,
  run: () => Promise<T>,
): Promise<T> {
  const { audit } = collaborators;
  const targets = note.targets ?? [];
  const entry = {
    ...callerOf(collaborators, request),
    manager: null,
    detail: '',
    ...note,
    targets,
    targetCount: targets.length,
  };
  try {
    const result = await run();
    audit.add({ ...entry, outcome: 'done', error: null });
    return result;
  } catch (error) {
    const told = ApiError.of(error);
    audit.add({ ...entry, outcome: 'failed', error: `${told.code}: ${told.message}` });
    throw told;
  }
}

function callerOf({ callers }: ChangeRouteCollaborators, request: FastifyRequest) {
  const { name, role } = callers.of(request);
  return { user: name, role, address: request.ip };
}
