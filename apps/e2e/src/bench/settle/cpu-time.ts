import { readdirSync, readFileSync } from 'node:fs';

/** CPU seconds used since the start of each part, by its name. */
export type CpuTimes = Readonly<Record<string, number>>;

// USER_HZ, which Linux has fixed at 100 for what it tells programs.
const ticksPerS = 100;

type Stat = { readonly parent: number; readonly ownS: number; readonly reapedS: number };

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may itself hold blanks and brackets.
    const [, parent, , , , , , , , , , user = 0, system = 0, childUser = 0, childSystem = 0] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return {
      parent: parent ?? 0,
      ownS: (user + system) / ticksPerS,
      reapedS: (childUser + childSystem) / ticksPerS,
    };
  } catch {
    return undefined;
  }
}

/** CPU seconds of one process; 0 where the system has no /proc. */
export function cpuOf(pid: number | undefined): number {
  return pid === undefined ? 0 : (statOf(pid)?.ownS ?? 0);
}

/** CPU seconds of a Postgres server: the postmaster, its backends, and those that have ended. */
export function cpuOfPostgres(port: number): number {
  const postmaster = processes().find((pid) => isPostmaster(pid, port));
  if (postmaster === undefined) return 0;
  const own = statOf(postmaster);
  const backends = processes().map(statOf);
  return backends
    .filter((stat) => stat?.parent === postmaster)
    .reduce((sum, stat) => sum + (stat?.ownS ?? 0), (own?.ownS ?? 0) + (own?.reapedS ?? 0));
}

function processes(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function isPostmaster(pid: number, port: number): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return args.includes('-D') && args.includes(`port=${port}`);
  } catch {
    return false;
  }
}

export function elapsed(before: CpuTimes, after: CpuTimes): CpuTimes {
  return Object.fromEntries(Object.entries(after).map(([part, s]) => [part, s - (before[part] ?? 0)]));
}
