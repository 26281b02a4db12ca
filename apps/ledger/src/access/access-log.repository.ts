import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Database } from '@quittance/database';
import type { Counter, Logger, Metrics } from '@quittance/observability';

/** A read that was answered: everything in the books is about payers. */
export type Read = {
  readonly at: Date;
  /** Null while no tokens are configured. */
  readonly actor: string | null;
  /** Path and query. */
  readonly request: string;
  readonly status: number;
};

const writeIntervalMs = 1_000;
/** Reads in one statement. */
const batchMax = 1_000;
/** Reads that wait while the database is down; those beyond are counted as lost. */
const waitingMax = 20_000;
const requestLengthMax = 500;

/** Notes who read what, a moment later and many at once: no read waits for it. */
@Injectable()
export class AccessLogRepository implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly lost: Counter;
  private waiting: Read[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly log: Pick<Logger, 'warn'>,
    metrics: Metrics,
  ) {
    this.lost = metrics.counter({
      name: 'quittance_ledger_access_lost_total',
      help: 'Reads that are not in the access log, because the database took none for too long.',
    });
    this.lost.add(0);
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.write(), writeIntervalMs);
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  note(read: Read): void {
    if (this.waiting.length >= waitingMax) this.lost.add(1);
    else this.waiting.push({ ...read, request: read.request.slice(0, requestLengthMax) });
  }

  /** Writes what waits; what cannot be written waits on. One at a time. */
  write(): Promise<void> {
    this.writing = this.writing.then(async () => {
      try {
        while (this.waiting.length > 0) await this.writeBatch();
      } catch (error) {
        this.log.warn(
          { err: error, waiting: this.waiting.length },
          'the access log cannot be written; it waits',
        );
      }
    });
    return this.writing;
  }

  private async writeBatch(): Promise<void> {
    const batch = this.waiting.slice(0, batchMax);
    await this.database.sql(
      `INSERT INTO ledger.access_log (at, actor, request, status)
       SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::smallint[])`,
      [
        batch.map(({ at }) => at),
        batch.map(({ actor }) => actor),
        batch.map(({ request }) => request),
        batch.map(({ status }) => status),
      ],
    );
    this.waiting = this.waiting.slice(batch.length);
  }
}
