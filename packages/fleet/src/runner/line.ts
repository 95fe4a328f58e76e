import type { Line } from './messages.js';

/** What a forked child and a child's own `process` have in common; both with advanced serialization. */
export interface IpcPeer {
  readonly connected: boolean;
  send?(message: object, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect' | 'exit', listener: () => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'disconnect' | 'exit', listener: () => void): unknown;
}

/** All of our messages are wrapped in this, so that the channel can be shared. */
const TAG = 'runtime-bridge/runner';

/** The line over Node's IPC: of a forked child in the manager, of `process` in the child. */
export function childLine<Out, In>(peer: IpcPeer): Line<Out, In> {
  return {
    send: (message) => {
      if (!peer.connected) return;
      // A send that fails later is followed by 'disconnect', which is where it is dealt with.
      peer.send?.({ tag: TAG, message }, () => undefined);
    },
    onMessage: (listener) => {
      const take = (value: unknown) => {
        const wrapped = value as { tag?: unknown; message?: In } | null;
        if (wrapped?.tag === TAG) listener(wrapped.message as In);
      };
      peer.on('message', take);
      return () => peer.off('message', take);
    },
    onClose: (listener) => {
      let told = false;
      const once = () => {
        if (told) return;
        told = true;
        stop();
        listener();
      };
      const stop = () => {
        peer.off('disconnect', once);
        peer.off('exit', once);
      };
      peer.on('disconnect', once);
      peer.on('exit', once);
      return stop;
    },
  };
}
