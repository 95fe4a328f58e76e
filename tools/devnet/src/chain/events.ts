/** Listeners by event name, with typed payloads. A listener that throws is reported, not propagated. */
export class Events<Map extends Record<string, unknown>> {
  private readonly listeners = new globalThis.Map<keyof Map, Set<(payload: never) => void>>();

  constructor(private readonly onListenerError: (error: unknown) => void) {}

  /** Calls `listener` for every such event until the returned function is called. */
  on<Name extends keyof Map>(name: Name, listener: (payload: Map[Name]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set);
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  /** Tells all listeners, in the order in which they came. */
  emit<Name extends keyof Map>(name: Name, payload: Map[Name]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        (listener as (payload: Map[Name]) => void)(payload);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}
