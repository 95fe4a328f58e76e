/**
 * A two-way message channel to another process. Messages are plain JSON values; other messages may travel on it, too.
 */
export interface QueueChannel {
  /** Sends, or throws when the other side is gone. */
  send(message: unknown): void;
  /** Calls back with each message until the returned function is called. */
  onMessage(listener: (message: unknown) => void): () => void;
  /** Calls back once when the other side goes away. */
  onClose(listener: () => void): () => void;
}

/** What a forked child and a child's own `process` have in common. */
export interface IpcEndpoint {
  send?(message: unknown, callback?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect' | 'exit', listener: () => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'disconnect' | 'exit', listener: () => void): unknown;
}

/** Makes a channel of Node's IPC: of a forked child in the parent, of `process` in the child. */
export function ipcChannel(endpoint: IpcEndpoint): QueueChannel {
  return {
    send: (message) => {
      // A send that fails later is followed by 'disconnect', which is where it is dealt with.
      endpoint.send?.(message, () => {});
    },
    onMessage: (listener) => {
      endpoint.on('message', listener);
      return () => endpoint.off('message', listener);
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
        endpoint.off('disconnect', once);
        endpoint.off('exit', once);
      };
      endpoint.on('disconnect', once);
      endpoint.on('exit', once);
      return stop;
    },
  };
}

/** All of our messages carry this, so that the channel can be shared. */
const TAG = 'runtime-bridge/tx-queue';

/** What the ends say to each other. */
export type QueueMessage =
  | { kind: 'ready'; capacity: number }
  | { kind: 'job'; delivery: number; id: string; data: unknown }
  | { kind: 'outcome'; delivery: number; outcome: unknown }
  | { kind: 'leaving' };

/** Marks a message as one of ours. */
export function tagged(message: QueueMessage): object {
  return { tag: TAG, ...message };
}

/** Reads a message of ours; undefined for anything else. */
export function untagged(value: unknown): QueueMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as { tag?: unknown; kind?: unknown };
  if (message.tag !== TAG) return undefined;
  switch (message.kind) {
    case 'ready':
    case 'job':
    case 'outcome':
    case 'leaving':
      return message as QueueMessage;
    default:
      return undefined;
  }
}
