import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleDestroy,
} from '@nestjs/common';
import { ChainMismatchError } from '@quittance/chain';
import { type Database, DatabaseSchemaMissingError } from '@quittance/database';
import type { OutboxRelay } from '@quittance/messaging';
import type { Logger } from '@quittance/observability';

import type { FacilitatorChains } from './chain/facilitator-chain.adapter.js';
import type { Expirer } from './expiry/expiry.loop.js';
import type { IntakeWatch } from './intake/intake.loop.js';
import { Repeating } from './loop/repeating.loop.js';
import type { PaymentSignal } from './settle/payment-signal.loop.js';
import type { PaymentWaiter } from './settle/payment-waiter.adapter.js';
import type { TransportWatch } from './settle/transport-watch.loop.js';

const tables = [
  'facilitator.payment',
  'facilitator.payment_transition',
  'facilitator.payment_attempt',
  'facilitator.chain',
  'facilitator.outbox',
  'facilitator.inbox',
];
const retryMs = 500;

export type StartupOptions = {
  readonly database: Database;
  readonly chains: FacilitatorChains;
  readonly relay: OutboxRelay;
  readonly waiter: PaymentWaiter;
  readonly signal: PaymentSignal;
  readonly watch: TransportWatch;
  readonly intakeWatch: IntakeWatch;
  readonly expirer: Expirer;
  readonly logger: Logger;
  /** Told of what waiting cannot cure: a database without our tables, a node of another chain. */
  readonly onHopeless: (error: Error) => void;
};

/** Starts what runs beside the requests, and ends it in the order in which things need each other. */
export class Startup
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly checks: readonly Repeating[];

  constructor(private readonly options: StartupOptions) {
    const { database, chains } = options;
    const checks = [() => database.requireTables(tables), ...chains.all.map((chain) => () => chain.check())];
    this.checks = checks.map((check) => this.checkOf(check));
  }

  onApplicationBootstrap(): void {
    const { relay, waiter, signal, watch, intakeWatch, expirer } = this.options;
    for (const started of [...this.checks, relay, waiter, signal, watch, intakeWatch, expirer])
      started.start();
  }

  /** Callers who wait are answered with what is known: the HTTP server closes only after its last answer. */
  onModuleDestroy(): void {
    this.options.waiter.close();
  }

  /** Before the transport closes, which the relay publishes through. */
  async beforeApplicationShutdown(): Promise<void> {
    const { relay, signal, watch, intakeWatch, expirer } = this.options;
    const loops = [...this.checks, relay, signal, watch, intakeWatch, expirer];
    await Promise.all(loops.map((running) => running.close()));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.options.database.close();
  }

  /** What is down is waited for. */
  private checkOf(check: () => Promise<void>): Repeating {
    const { logger, onHopeless } = this.options;
    const step = async (): Promise<'done'> => {
      try {
        await check();
      } catch (error) {
        if (!(error instanceof DatabaseSchemaMissingError || error instanceof ChainMismatchError))
          throw error;
        onHopeless(error);
      }
      return 'done';
    };
    return new Repeating({ name: 'start check', logger, restMs: retryMs, step });
  }
}
