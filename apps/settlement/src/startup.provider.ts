import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type Database, DatabaseSchemaMissingError } from '@quittance/database';
import type { OutboxRelay } from '@quittance/messaging';

import { type Log, WakeableLoop } from './loop/wakeable.loop.js';

const tables = [
  'settlement.payment',
  'settlement.expiry',
  'settlement.relayer',
  'settlement.batch',
  'settlement.transaction',
  'settlement.attempt',
  'settlement.follower_cursor',
  'settlement.block',
  'settlement.chain_status',
  'settlement.outbox',
  'settlement.inbox',
];
const never = 2 ** 31 - 1;

export type StartupOptions = {
  readonly database: Database;
  readonly relay: OutboxRelay;
  readonly log: Log;
  /** Called when the database is there and was never migrated: waiting would not help. */
  readonly onSchemaMissing: (error: DatabaseSchemaMissingError) => void;
};

/** Publishes the outbox while the service runs, and closes what the service holds when it ends. */
@Injectable()
export class Startup implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly schemaCheck: WakeableLoop;

  constructor(private readonly options: StartupOptions) {
    this.schemaCheck = new WakeableLoop({
      name: 'schema check',
      log: options.log,
      step: () => this.checkSchema(),
    });
  }

  onApplicationBootstrap(): void {
    this.schemaCheck.start();
    this.options.relay.start();
  }

  /** Before the transport closes, which the relay publishes through. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.schemaCheck.close(), this.options.relay.close()]);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.options.database.close();
  }

  /** A database that is down is waited for. */
  private async checkSchema(): Promise<number> {
    try {
      await this.options.database.requireTables(tables);
    } catch (error) {
      if (!(error instanceof DatabaseSchemaMissingError)) throw error;
      this.options.onSchemaMissing(error);
    }
    return never;
  }
}
