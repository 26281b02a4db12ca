import { setTimeout as sleep } from 'node:timers/promises';

import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Database, DatabaseSchemaMissingError } from '@quittance/database';
import type { Logger } from '@quittance/observability';

const tables = [
  'ledger.inbox',
  'ledger.asset',
  'ledger.account',
  'ledger.payment',
  'ledger.chain',
  'ledger.filler',
  'ledger.transaction',
  'ledger.entry',
  'ledger.balance',
  'ledger.unsealed',
  'ledger.leaf',
  'ledger.subtree',
  'ledger.seal',
  'ledger.checkpoint_key',
  'ledger.checkpoint',
  'ledger.standing',
  'ledger.check_run',
  'ledger.period',
  'ledger.journal',
  'ledger.write',
  'ledger.rollup',
  'ledger.head_rollup',
  'ledger.account_rollup',
  'ledger.cursor_secret',
  'ledger.reconciliation',
  'ledger.reconciliation_break',
];
const retryPauseMs = 1_000;

export type StartupOptions = {
  /** The first is asked for the tables; all are closed at the end. */
  readonly databases: readonly [Database, ...Database[]];
  readonly log: Logger;
  /** Called when the database is there and was never migrated: waiting would not help. */
  readonly onSchemaMissing: (error: DatabaseSchemaMissingError) => void;
};

/** Looks whether the database was migrated, and closes what the service holds when it ends. */
@Injectable()
export class Startup implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly ending = new AbortController();
  private checking: Promise<void> = Promise.resolve();

  constructor(private readonly options: StartupOptions) {}

  onApplicationBootstrap(): void {
    this.checking = this.checkTables();
  }

  async onApplicationShutdown(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.options.databases.map((database) => database.close()));
    await this.checking;
  }

  /** A database that is down is waited for. */
  private async checkTables(): Promise<void> {
    const { databases, log, onSchemaMissing } = this.options;
    while (!this.ending.signal.aborted) {
      try {
        await databases[0].requireTables(tables);
        return;
      } catch (error) {
        if (this.ending.signal.aborted) return;
        if (error instanceof DatabaseSchemaMissingError) return onSchemaMissing(error);
        log.warn({ err: error }, 'the database cannot be asked for its tables; asking again');
        await sleep(retryPauseMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
      }
    }
  }
}
