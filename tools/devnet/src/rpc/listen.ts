import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const MAX_TRIES = 64;

/**
 * Listens on a port, or on the next free one above it when it is taken; 0 lets the system choose.
 *
 * @returns the port in use
 * @throws Error when the host cannot be bound at all, or 64 ports in a row are taken.
 */
export async function listenFrom(server: Server, host: string, port: number): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      await listen(server, host, port === 0 ? 0 : port + attempt);
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!busy || port === 0 || attempt + 1 >= MAX_TRIES || port + attempt >= 65535) throw error;
    }
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      server.off('listening', onListening);
      reject(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolve();
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(port, host);
  });
}
