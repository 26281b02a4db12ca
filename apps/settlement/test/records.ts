import type { Database } from '@quittance/database';
import { type EventOf, type QuittanceEvent, topics } from '@quittance/events';
import type { PaymentId } from '@quittance/protocol';

import { until } from './interception.js';

type Hex = `0x${string}`;
export type Accepted = EventOf<'payment.accepted'>;

/** What the database says of a service, and what its owner may change. */
export abstract class Records {
  protected abstract readonly owner: Database;
  abstract readonly network: { readonly chainId: string };
  /** The first of the relayers. */
  abstract get relayer(): { readonly address: Hex };

  /** What the service told about a payment, in order. */
  told({ data }: Accepted): Promise<QuittanceEvent[]> {
    return this.toldOf(data.paymentId);
  }

  /** What the service told about the chain, in order. */
  async toldOfChain(...types: readonly QuittanceEvent['type'][]): Promise<QuittanceEvent[]> {
    return (await this.toldOf(this.network.chainId)).filter(({ type }) => types.includes(type));
  }

  /** A settler alone fills the outbox; a whole service may write to the log. */
  private async toldOf(key: string): Promise<QuittanceEvent[]> {
    const rows = await this.owner.sql<{ event: QuittanceEvent }>(
      `(SELECT event::jsonb FROM settlement.outbox WHERE event->>'key' = $1 AND published_at IS NULL ORDER BY sequence)
       UNION ALL
       (SELECT value::jsonb FROM events.log WHERE topic = $2 AND key = $1 ORDER BY "offset")`,
      [key, topics.settlements.name],
    );
    return rows.map(({ event }) => event);
  }

  async stateOf({ data }: Accepted): Promise<string | undefined> {
    const rows = await this.owner.sql<{ state: string }>(
      'SELECT state FROM settlement.payment WHERE payment_id = $1::uuid',
      [data.paymentId],
    );
    return rows[0]?.state;
  }

  async spentSeenAt({ data }: Accepted): Promise<string | null> {
    const rows = await this.owner.sql<{ at: string | null }>(
      'SELECT spent_seen_at::text AS at FROM settlement.payment WHERE payment_id = $1::uuid',
      [data.paymentId],
    );
    return rows[0]?.at ?? null;
  }

  /** The tries of a payment, each with the newest hash of its batch. */
  async attemptsOf({
    data,
  }: Accepted): Promise<{ n: number; nonce: string; state: string; hash: Hex; batch: string }[]> {
    return this.owner.sql(
      `SELECT a.n, b.nonce::text, a.state, b.batch_id::text AS batch,
              (SELECT t.hash FROM settlement.transaction t WHERE t.batch_id = b.batch_id ORDER BY version DESC LIMIT 1) AS hash
       FROM settlement.attempt a JOIN settlement.batch b USING (batch_id) WHERE a.payment_id = $1::uuid ORDER BY a.n`,
      [data.paymentId as PaymentId],
    );
  }

  async leases(): Promise<{ address: Hex; holder: string | null; token: string; live: boolean }[]> {
    return this.owner.sql(
      `SELECT address, lease_holder::text AS holder, lease_token::text AS token, lease_until > clock_timestamp() AS live
       FROM settlement.relayer ORDER BY address`,
    );
  }

  async nextNonce(): Promise<number> {
    const [row] = await this.owner.sql<{ next: number }>(
      'SELECT next_nonce::int AS next FROM settlement.relayer WHERE address = $1',
      [this.relayer.address],
    );
    return row?.next ?? 0;
  }

  /** Another process takes the key over, after its holder let the lease end. */
  async passOnLease(address: Hex): Promise<void> {
    await this.endLeases();
    const taken = await this.owner.sql(
      `UPDATE settlement.relayer
       SET lease_holder = gen_random_uuid(), lease_token = lease_token + 1, lease_until = clock_timestamp() + interval '1 minute'
       WHERE address = $1 AND lease_until <= clock_timestamp() RETURNING address`,
      [address],
    );
    if (taken.length === 0) throw new Error('its holder was faster');
  }

  /** The highest price that any transaction of the newest batch offers, in wei a unit of gas. */
  async highestOffer(): Promise<bigint> {
    const [row] = await this.owner.sql<{ most: string }>(
      `SELECT max(max_fee_per_gas)::text AS most FROM settlement.transaction
        WHERE batch_id = (SELECT max(batch_id) FROM settlement.batch)`,
    );
    return BigInt(row?.most ?? 0);
  }

  /** As when time has passed: leases that nobody renews are over. */
  async endLeases(): Promise<void> {
    await this.owner.sql('UPDATE settlement.relayer SET lease_until = now()');
  }

  /** All that the service signed, by relayer and nonce. */
  async batches(): Promise<{ relayer: Hex; nonce: string; size: number; state: string; versions: number }[]> {
    return this.owner.sql(
      `SELECT relayer, nonce::text, size, state,
              (SELECT count(*)::int FROM settlement.transaction t WHERE t.batch_id = b.batch_id) AS versions
       FROM settlement.batch b ORDER BY relayer, b.nonce`,
    );
  }

  async becomes(accepted: Accepted, state: string, withinMs = 15_000): Promise<void> {
    await until(async () => (await this.stateOf(accepted)) === state, {
      withinMs,
      what: async () =>
        `payment ${state}, is ${String(await this.stateOf(accepted))}: ${JSON.stringify(await this.attemptsOf(accepted))}, told ${JSON.stringify((await this.told(accepted)).map(({ type, data }) => ({ type, ...('reason' in data ? { reason: data.reason, detail: data.detail } : {}) })))}`,
    });
  }
}
