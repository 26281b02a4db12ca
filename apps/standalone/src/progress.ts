import { performance } from 'node:perf_hooks';

const nameWidth = 34;
const heartbeatMs = 5_000;

/** Where the people in front of the terminal see what happens. */
export type Progress = {
  line(text?: string): void;
  /** Runs one step and prints how long it took, or that it failed; and, while it lasts, that it still does. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Runs what is worth no line unless one has to wait for it. */
  wait<T>(name: string, work: () => Promise<T>): Promise<T>;
};

/** Progress as lines of text; `now` is a clock in milliseconds. */
export function createProgress(
  write: (text: string) => void,
  now: () => number = () => performance.now(),
): Progress {
  const line = (text = ''): void => {
    write(`${text}\n`);
  };
  const wait: Progress['wait'] = async (name, work) => {
    const started = now();
    const heartbeat = setInterval(() => {
      line(`  … ${name}: ${Math.round((now() - started) / 1000)} s`);
    }, heartbeatMs);
    // Work that was given up must not keep the process.
    heartbeat.unref();
    try {
      return await work();
    } finally {
      clearInterval(heartbeat);
    }
  };
  return {
    line,
    wait,
    step: async (name, work) => {
      const started = now();
      const took = (): string => `${Math.round(now() - started)} ms`.padStart(9);
      try {
        const result = await wait(name, work);
        line(`  ✓ ${name.padEnd(nameWidth)}${took()}`);
        return result;
      } catch (fault) {
        line(`  ✗ ${name.padEnd(nameWidth)}${took()}`);
        throw fault;
      }
    },
  };
}
