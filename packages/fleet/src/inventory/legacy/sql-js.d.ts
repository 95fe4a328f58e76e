/** The part of sql.js that is used here. */
declare module 'sql.js' {
  export interface Statement {
    step(): boolean;
    getAsObject(): Record<string, number | string | Uint8Array | null>;
    free(): boolean;
  }
  export interface Database {
    prepare(sql: string): Statement;
    run(sql: string, params?: readonly (number | string | Uint8Array | null)[]): Database;
    export(): Uint8Array;
    close(): void;
  }
  export default function initSqlJs(): Promise<{
    Database: new (bytes?: Uint8Array) => Database;
  }>;
}
