import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a process holds after a collection. */
type Sample = { readonly requests: number; readonly heldMb: number; readonly rssMb: number };

export type MemoryGrowth = {
  /**
   * What JavaScript holds, buffers included: how many megabytes a line through it rises over the third quarter of the
   * requests, and over the last. What leaks does in both; what is made once, when first needed, does in one.
   */
  readonly heldMb: readonly [number, number];
  readonly endHeldMb: number;
  /** What the system has given to the process. */
  readonly endRssMb: number;
};

/** Has Node tell on its standard error where it can be inspected. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

const mebibyte = 1024 * 1024;
const replyTimeoutMs = 30_000;

/** Has a service collect its garbage now and then, by way of its inspector, and notes what it still holds. */
export class MemoryWatch {
  readonly #samples: Sample[] = [];

  constructor(private readonly inspectorUrl: string) {}

  /** After so many requests; gives the megabytes that are held. */
  async sample(requests: number): Promise<number> {
    const { heapUsed, external, rss } = await heldBy(this.inspectorUrl);
    const heldMb = (heapUsed + external) / mebibyte;
    this.#samples.push({ requests, heldMb, rssMb: rss / mebibyte });
    return heldMb;
  }

  growth(): MemoryGrowth {
    const last = this.#samples.at(-1);
    const all = last?.requests ?? 0;
    const riseBetween = (from: number, to: number): number =>
      riseOf(
        this.#samples
          .filter(({ requests }) => requests >= from * all && requests <= to * all)
          .map(({ requests, heldMb }) => [requests, heldMb]),
      );
    return {
      heldMb: [riseBetween(0.5, 0.75), riseBetween(0.75, 1)],
      endHeldMb: last?.heldMb ?? Number.NaN,
      endRssMb: last?.rssMb ?? Number.NaN,
    };
  }
}

/** Where the service can be inspected whose log this is. */
export function inspectorUrlIn(logFolder: string, service: string): string {
  const file = readdirSync(logFolder).find((name) => name.startsWith(`${service}-`));
  const log = file === undefined ? '' : readFileSync(join(logFolder, file), 'utf8');
  const url = /^Debugger listening on (ws:\S+)$/m.exec(log)?.[1];
  if (url === undefined) throw new TypeError(`the ${service} does not say where it can be inspected`);
  return url;
}

type MemoryUsage = { readonly heapUsed: number; readonly external: number; readonly rss: number };
type Reply = { readonly id?: number; readonly result?: { readonly result?: { readonly value?: string } } };

async function heldBy(url: string): Promise<MemoryUsage> {
  const socket = new WebSocket(url);
  try {
    return await new Promise<MemoryUsage>((resolve, reject) => {
      const late = setTimeout(() => reject(new RangeError('the inspector does not answer')), replyTimeoutMs);
      const ask = (id: number, method: string, params: object = {}): void =>
        socket.send(JSON.stringify({ id, method, params }));
      socket.addEventListener('error', () => reject(new TypeError('the inspector is not there')));
      socket.addEventListener('open', () => ask(1, 'HeapProfiler.collectGarbage'));
      socket.addEventListener('message', ({ data }) => {
        const { id, result } = JSON.parse(String(data)) as Reply;
        if (id === 1)
          ask(2, 'Runtime.evaluate', {
            expression: 'JSON.stringify(process.memoryUsage())',
            returnByValue: true,
          });
        if (id !== 2) return;
        clearTimeout(late);
        resolve(JSON.parse(result?.result?.value ?? '{}') as MemoryUsage);
      });
    });
  } finally {
    socket.close();
  }
}

/** How much a line of least squares rises over the points; 0 for too few of them. */
export function riseOf(points: ReadonlyArray<readonly [number, number]>): number {
  const usable = points.filter(([, y]) => Number.isFinite(y));
  const count = usable.length;
  if (count < 3) return 0;
  const meanX = usable.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = usable.reduce((sum, [, y]) => sum + y, 0) / count;
  const covariance = usable.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = usable.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const [first] = usable[0] ?? [0];
  const [last] = usable.at(-1) ?? [0];
  return variance === 0 ? 0 : (covariance / variance) * (last - first);
}
