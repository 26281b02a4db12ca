import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What one writer did. */
export type Posted = {
  readonly payments: number;
  readonly fresh: number;
  readonly tookMs: number;
  readonly cpuS: number;
  readonly batchesMs: readonly number[];
};

export type PostOptions = {
  readonly batch: number;
  readonly atOnce?: number;
  readonly isSpread?: boolean;
  /** Into tables that have nothing but primary keys (`bare-books.ts`). */
  readonly isBare?: boolean;
};

type Answer =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'posted' } & Posted)
  | { readonly kind: 'failed'; readonly message: string };

const main = fileURLToPath(new URL('../../../ledger/dist/posting-load.js', import.meta.url));

/** A process that posts made-up payments as the ledger posts real ones: the writer of one partition. */
export class PostingLoad {
  private constructor(
    private readonly child: ChildProcess,
    private readonly shard: number,
  ) {}

  static start(databaseUrl: string, shard: number, execArgv: readonly string[] = []): PostingLoad {
    const child = fork(main, { env: { ...process.env, DATABASE_URL: databaseUrl }, execArgv: [...execArgv] });
    return new PostingLoad(child, shard);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Makes the events of payments, from a number on. */
  async prepare(payments: {
    readonly name: string;
    readonly from: number;
    readonly count: number;
  }): Promise<void> {
    await this.ask({ kind: 'prepare', ...payments });
  }

  /** Posts what was prepared. */
  async post({ batch, atOnce = 1, isSpread = false, isBare = false }: PostOptions): Promise<Posted> {
    const answer = await this.ask({ kind: 'post', batch, atOnce, isSpread, isBare, shard: this.shard });
    if (answer.kind !== 'posted') throw new TypeError(`The load answered ${answer.kind}`);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }

  private async ask(command: object): Promise<Answer> {
    const aborted = new AbortController();
    const { signal } = aborted;
    const answered = once(this.child, 'message', { signal });
    const ended = once(this.child, 'exit', { signal }).then(([code]) => {
      throw new TypeError(`The load ended with ${code}`);
    });
    this.child.send(command);
    try {
      const [answer] = (await Promise.race([answered, ended])) as [Answer];
      if (answer.kind === 'failed') throw new TypeError(answer.message);
      return answer;
    } finally {
      aborted.abort();
      answered.catch(() => undefined);
      ended.catch(() => undefined);
    }
  }
}
