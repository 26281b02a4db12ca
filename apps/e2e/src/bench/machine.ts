import { cpus, loadavg } from 'node:os';

/** Above that, others are at work on this machine. */
const loadMax = 1;

export type MachineConditions = {
  readonly cores: number;
  readonly node: string;
  readonly load_before: number;
  readonly load_after: number;
};

/** Says so where the machine is busy before anything is measured; gives what of it belongs beside the figures afterwards. */
export function watchMachine(): () => MachineConditions {
  const [before = Number.NaN] = loadavg();
  if (before > loadMax)
    console.log(`This machine is busy (load average ${before.toFixed(1)}): the figures will be too low.`);
  return () => {
    const [after = Number.NaN] = loadavg();
    return { cores: cpus().length, node: process.version, load_before: before, load_after: after };
  };
}
