import { Watched } from '@runtime-bridge/base';

import type { StateSection } from '../state/state-store.js';
import type { Order, OrderKind } from './order.js';

/** Orders on disk and in memory. Of one worker there is at most one to stop or drain, and one to reclaim. */
export class OrderBook {
  /** Those that stand, a new map after each change. */
  readonly orders: Watched<ReadonlyMap<string, Order>>;

  private constructor(
    private readonly section: StateSection<Order>,
    orders: ReadonlyMap<string, Order>,
  ) {
    this.orders = new Watched(orders);
  }

  /** @throws FleetError BAD_STORE */
  static async open(section: StateSection<Order>): Promise<OrderBook> {
    return new OrderBook(section, new Map(await section.all()));
  }

  /** Orders that stand for a worker. */
  of(uuid: string): Order[] {
    const { value } = this.orders;
    return (['halt', 'reclaim'] as const).flatMap((slot) => value.get(`${uuid}:${slot}`) ?? []);
  }

  /** Whether a worker is not to compute. */
  isHalted(uuid: string): boolean {
    return this.orders.value.has(`${uuid}:halt`);
  }

  /** Writes orders down, each in the place of one of its kind. */
  async put(orders: readonly Order[]): Promise<void> {
    await this.#write(orders.map((order) => [slotOf(order), order] as const));
  }

  /** Takes orders back. */
  async remove(orders: readonly Order[]): Promise<void> {
    await this.#write(orders.map((order) => [slotOf(order), undefined] as const));
  }

  async #write(changes: readonly (readonly [string, Order | undefined])[]): Promise<void> {
    if (changes.length === 0) return;
    await this.section.write(changes);
    const orders = new Map(this.orders.value);
    for (const [slot, order] of changes) {
      if (order) orders.set(slot, order);
      else orders.delete(slot);
    }
    this.orders.set(orders);
  }
}

function slotOf({ uuid, kind }: { uuid: string; kind: OrderKind }): string {
  return `${uuid}:${kind === 'reclaim' ? 'reclaim' : 'halt'}`;
}
