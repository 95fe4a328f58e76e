export { AlertKind, type Alert, type AlertSeverity, type AlertSubject } from './alerts/alert.js';
export {
  AlertDesk,
  type AlertDeskCollaborators,
  type AlertDeskOptions,
  type AlertRecord,
  type SeenView,
} from './alerts/alert-desk.js';
export {
  NoticeQueue,
  type NoticeQueueCollaborators,
  type WebhookOptions,
  type WebhookTestResult,
} from './alerts/notice-queue.js';
export { isGenuineNotice, noticeHeaders, signNotice } from './alerts/signature.js';
export { FleetError, FleetErrorCode } from './errors.js';
export {
  historyLimits,
  WorkerHistory,
  type WorkerEventPage,
  type WorkerEventQuery,
} from './history/worker-history.js';
export {
  Inventory,
  type InventoryCollaborators,
  type SealOperator,
} from './inventory/inventory.js';
export {
  importLocalDb,
  type LocalDbCollaborators,
  type LocalDbImport,
  type ResealOperator,
} from './inventory/legacy/local-db.js';
export type {
  InventorySnapshot,
  PoolInput,
  PoolRow,
  RowIdentity,
  RowUpdate,
  TransferSteps,
  WorkerInput,
  WorkerRow,
} from './inventory/rows.js';
export {
  formatInventory,
  parseInventory,
  type TransferFault,
  type TransferFormat,
  type TransferRow,
} from './inventory/transfer/document.js';
export {
  planTransfer,
  type TransferChange,
  type TransferOptions,
  type TransferPlan,
} from './inventory/transfer/dry-run.js';
export {
  importInventory,
  type ImportOptions,
  type ImportReport,
  type PoolOwner,
} from './inventory/transfer/import.js';
export { inventoryLimits, ONE_PHA } from './inventory/validation.js';
export { ChainWatch, type ChainInterest, type ChainSource } from './manager/chain-watch.js';
export {
  FleetManager,
  type FleetManagerCollaborators,
  type FleetManagerOptions,
} from './manager/fleet-manager.js';
export { ProviderWatch, type ProviderWatchOptions } from './manager/provider-watch.js';
export type { RunnerProcess } from './manager/runner-handle.js';
export type { Order, OrderAction, OrderEffect, OrderKind, OrderView } from './orders/order.js';
export { OrderBook } from './orders/order-book.js';
export {
  OrderDesk,
  type OrderAnswer,
  type OrderDeskCollaborators,
  type OrderDeskOptions,
} from './orders/order-desk.js';
export { ProcessMetrics, type ProcessMetricsInlet } from './metrics/process-metrics.js';
export { type MetricFamily } from './metrics/sampled-metrics.js';
export { childLine, type IpcPeer } from './runner/line.js';
export type {
  Line,
  Position,
  ProviderView,
  RunnerSettings,
  ToManager,
  ToRunner,
  WorkerCommand,
  WorkerEvent,
  WorkerSnapshot,
  WorkerSpec,
  WorkerStatus,
} from './runner/messages.js';
export {
  serveLifecycle,
  type LifecycleHandlersCollaborators,
} from './walkie/lifecycle-handlers.js';
export {
  historyQuestionLimits,
  serveHistory,
  type HistoryHandlersCollaborators,
  type TransactionBook,
  type TransactionBookQuery,
  type TransactionPage,
  type TransactionRow,
} from './walkie/history-handlers.js';
export { serveTransfer } from './walkie/transfer-handlers.js';
export { serveOrders } from './walkie/order-handlers.js';
export { StateStore, type StateSection, type StateSectionName } from './state/state-store.js';
export { serveAlerts } from './walkie/alert-handlers.js';
export { configMode, waitingForChain, type FleetAbsence } from './walkie/absence.js';
