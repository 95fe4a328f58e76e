import { createContext, useContext, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { ChainHeads, WorkerRow } from '../../../src/api/contract.js';
import type { FleetModel } from '../../../src/api/fleet-model.js';
import type { FleetLink } from './fleet-link.js';
import type { FleetStore, FleetView } from './fleet-store.js';

const Context = createContext<{ store: FleetStore; link: FleetLink } | undefined>(undefined);

/** Hands the store to all below. */
export function FleetProvider({
  store,
  link,
  children,
}: {
  store: FleetStore;
  link: FleetLink;
  children: ReactNode;
}) {
  const value = useMemo(() => ({ store, link }), [store, link]);
  return <Context value={value}>{children}</Context>;
}

function useFleetContext(): { store: FleetStore; link: FleetLink } {
  const value = useContext(Context);
  if (value === undefined) throw new Error('No FleetProvider above');
  return value;
}

/** The link itself, to try again at once. */
export function useFleetLink(): FleetLink {
  return useFleetContext().link;
}

/** The fleet as it is now; renders again with every change, four times a second at most. */
export function useFleet(): FleetView {
  const { store } = useFleetContext();
  return useSyncExternalStore(store.subscribe, store.getView);
}

/** The model; only for what is shown once there is one. */
export function useModel(): FleetModel {
  const { model } = useFleet();
  if (model === undefined) throw new Error('Nothing is known of the fleet yet');
  return model;
}

/** All workers, the same array until one changes. */
export function useWorkers(): readonly WorkerRow[] {
  const { model, revisions } = useFleet();
  return useMemo(
    () => [...(model?.workers.values() ?? [])],
    // The map keeps its identity; its revision says that something in it changed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, revisions.workers],
  );
}

/** The heads that workers of a manager are measured against; undefined while no provider of its chain is known. */
export function headsOf(model: FleetModel, manager: string): ChainHeads | undefined {
  return model.chains.get(model.managers.get(manager)?.chainIdentity ?? '');
}
