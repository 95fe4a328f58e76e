import type { Line } from '../runner/messages.js';

/** Two ends of a line in memory, and a way to cut it. */
export function memoryLine<A, B>(): [Line<A, B>, Line<B, A>, () => void] {
  const toA = new Set<(message: B) => void>();
  const toB = new Set<(message: A) => void>();
  const closes = new Set<() => void>();
  let open = true;
  const end = <Out, In>(
    out: Set<(message: Out) => void>,
    into: Set<(message: In) => void>,
  ): Line<Out, In> => ({
    send: (message) => {
      const copy = structuredClone(message);
      setImmediate(() => {
        if (open) for (const listener of [...out]) listener(copy);
      });
    },
    onMessage: (listener) => {
      into.add(listener);
      return () => into.delete(listener);
    },
    onClose: (listener) => {
      closes.add(listener);
      return () => closes.delete(listener);
    },
  });
  const cut = () => {
    if (!open) return;
    open = false;
    for (const listener of [...closes]) listener();
  };
  return [end<A, B>(toB, toA), end<B, A>(toA, toB), cut];
}
