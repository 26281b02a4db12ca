import { AsyncLocalStorage } from 'node:async_hooks';

import pg from 'pg';

/**
 * Where the connection of the transaction that is being opened is noted; `client` is null once it was given back.
 * `discard` closes the connection then, instead of keeping it for the next.
 */
export type TransactionSlot = { client: pg.PoolClient | null; taken: boolean; discard: boolean };

/** What node-postgres has and its types lack: I when no transaction is open on the connection. */
type TransactionStatus = { readonly getTransactionStatus: () => 'I' | 'T' | 'E' | null };

type ConnectCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (release?: unknown) => void,
) => void;

/**
 * A pool that tells which connection an interactive Prisma transaction runs on, so that plain SQL can run on the same
 * one. Prisma takes exactly one connection by promise when it opens the transaction: that is the one noted.
 */
export class TransactionPool extends pg.Pool {
  private readonly slots = new AsyncLocalStorage<TransactionSlot>();

  noting<T>(slot: TransactionSlot, open: () => Promise<T>): Promise<T> {
    return this.slots.run(slot, open);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (callback !== undefined) return super.connect(callback);
    return this.connectNoted();
  }

  private async connectNoted(): Promise<pg.PoolClient> {
    const client = await super.connect();
    const slot = this.slots.getStore();
    if (slot !== undefined && !slot.taken) {
      slot.client = client;
      slot.taken = true;
      const release = client.release;
      // A statement after this would run inside whatever transaction gets the connection next. And what gets it would
      // run inside ours, were it given back open: an unanswered statement keeps the ROLLBACK from getting through.
      client.release = (error) => {
        slot.client = null;
        const isOpen = (client as pg.PoolClient & TransactionStatus).getTransactionStatus() !== 'I';
        release.call(client, error ?? (slot.discard || isOpen));
      };
    }
    return client;
  }
}
