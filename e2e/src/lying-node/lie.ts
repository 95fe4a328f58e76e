/** A call, or a notification, which has no parameters. */
export interface Exchange {
  method: string;
  params: readonly unknown[];
}

/** Makes the answer that a client gets. Whatever it does not lie about it returns as it is. */
export type Lie = (exchange: Exchange, answer: unknown) => unknown;

/** Instead of an answer: none, ever. */
export const HANG = Symbol('no answer');

/** Instead of an answer: an error. */
export class RpcRefusal {
  constructor(
    readonly code: number,
    readonly message: string,
  ) {}

  toJSON(): { code: number; message: string } {
    return { code: this.code, message: this.message };
  }
}
