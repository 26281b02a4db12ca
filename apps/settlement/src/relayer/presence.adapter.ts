import { PostgresSession } from '@quittance/messaging';

/** The name of the session lock that says that a holder of leases is alive; the database looks for the same name. */
export const presenceName = (holder: string): string => `quittance_settlement_holder:${holder}`;

/**
 * Shows the other processes that this one is alive: a lock that ends with the connection, and so with the process. Its
 * leases need not be waited for when it is gone. A process that is merely cut off loses keys too early by that, which
 * is safe: what it signs then is refused.
 */
export class Presence {
  private session: PostgresSession | null = null;

  constructor(private readonly options: { readonly databaseUrl: string; readonly holder: string }) {}

  /** Shows it, unless that is being done. @throws what Postgres answers */
  async ensure(): Promise<void> {
    if (this.session !== null && !this.session.lost.aborted) return;
    await this.close();
    const session = await PostgresSession.open({
      url: this.options.databaseUrl,
      applicationName: 'quittance_settlement_presence',
    });
    this.session = session;
    // Nobody else has this name; a lock that is still held is that of our own connection before, which is ending.
    await session.tryLock(presenceName(this.options.holder));
  }

  async close(): Promise<void> {
    const { session } = this;
    this.session = null;
    await session?.close();
  }
}
