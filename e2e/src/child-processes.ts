import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine. */
export interface ChildProcessInfo {
  pid: number;
  /** Its command line, arguments separated by blanks. */
  command: string;
}

/** The children of a process, read from /proc. */
export function childrenOf(parent: number): ChildProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name in the second field may hold blanks; the parent is the second field behind its bracket.
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        if (ppid !== parent) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), command }];
      } catch {
        // It ended in between.
        return [];
      }
    });
}
