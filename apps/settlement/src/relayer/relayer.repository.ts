import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { Hex } from '../payment/payment.js';
import { leaseMs } from './lease.js';
import { presenceName } from './presence.adapter.js';

/** A process's hold on a key. */
export type Holding = {
  readonly chainId: ChainId;
  readonly holder: string;
  readonly address: Hex;
  readonly token: bigint;
};

export type Taking = Omit<Holding, 'token'> & {
  /** The account's transaction count as the chain tells it. */
  readonly chainNonce: bigint;
};

/** Who may sign with which key, by the database's clock: clocks of processes differ. */
export class RelayerRepository {
  constructor(private readonly database: Database) {}

  /** Makes keys known, each with its first nonce still to be found out. */
  async register(chainId: ChainId, addresses: readonly Hex[]): Promise<void> {
    await this.database.sql(registerRelayers, [chainId, addresses]);
  }

  /** One of the keys that nobody holds, any, or null. */
  async free(chainId: ChainId, addresses: readonly Hex[]): Promise<Hex | null> {
    const [row] = await this.database.sql<{ address: Hex }>(findFree, [chainId, addresses]);
    return row?.address ?? null;
  }

  /** Ends leases whose holder shows no presence any more. */
  async endAbandoned(chainId: ChainId, addresses: readonly Hex[]): Promise<void> {
    await this.database.sql(endAbandoned, [chainId, addresses, presenceName('')]);
  }

  /** Takes a key, unless another process was faster: null then. Its nonces go on where the chain or we are, whichever is further. */
  async take({ chainId, holder, address, chainNonce }: Taking): Promise<bigint | null> {
    const [row] = await this.database.sql<{ lease_token: string }>(takeFree, [
      chainId,
      address,
      holder,
      chainNonce,
      leaseMs,
    ]);
    return row === undefined ? null : BigInt(row.lease_token);
  }

  /** Prolongs leases, and gives the accounts whose lease still stands. */
  async renew(chainId: ChainId, holder: string, held: ReadonlyMap<Hex, bigint>): Promise<ReadonlySet<Hex>> {
    const rows = await this.database.sql<{ address: Hex }>(renewHeld, [
      chainId,
      holder,
      [...held.keys()],
      [...held.values()],
      leaseMs,
    ]);
    return new Set(rows.map(({ address }) => address));
  }

  /** Gives leases up, so that another process need not wait for their end. */
  async release(chainId: ChainId, holder: string, held: ReadonlyMap<Hex, bigint>): Promise<void> {
    await this.database.sql(releaseHeld, [chainId, holder, [...held.keys()], [...held.values()]]);
  }

  /** Nonces below the chain's count are used up, whoever used them. */
  async skipTo({ chainId, holder, address, token }: Holding, chainNonce: bigint): Promise<void> {
    await this.database.sql(skipNonces, [chainId, address, holder, token, chainNonce]);
  }

  /** Nonces from the chain's count on that were given out and carry nothing: all later ones wait behind them. */
  async gaps(
    { chainId, address }: Pick<Holding, 'chainId' | 'address'>,
    chainNonce: bigint,
  ): Promise<bigint[]> {
    const rows = await this.database.sql<{ nonce: string }>(findGaps, [chainId, address, chainNonce]);
    return rows.map(({ nonce }) => BigInt(nonce));
  }
}

const registerRelayers = `
  INSERT INTO settlement.relayer (chain_id, address, next_nonce)
  SELECT $1, address, 0 FROM unnest($2::text[]) AS address
  ON CONFLICT (chain_id, address) DO NOTHING`;

/** In no order: of processes that look at the same time, each likely finds another one. */
const findFree = `
  SELECT address FROM settlement.relayer
  WHERE chain_id = $1 AND address = ANY ($2::text[]) AND lease_until <= clock_timestamp()
  ORDER BY random() LIMIT 1`;

/** A lock that can be had is held by nobody, so whoever would hold it is gone; it is given back with the statement. */
const endAbandoned = `
  UPDATE settlement.relayer r SET lease_until = clock_timestamp()
  FROM (
    SELECT address, lease_token FROM settlement.relayer
    WHERE chain_id = $1 AND address = ANY ($2::text[]) AND lease_until > clock_timestamp()
      AND pg_try_advisory_xact_lock(hashtextextended($3 || lease_holder::text, 0))
  ) AS gone
  WHERE r.chain_id = $1 AND r.address = gone.address AND r.lease_token = gone.lease_token`;

const takeFree = `
  UPDATE settlement.relayer
  SET lease_holder = $3::uuid, lease_token = lease_token + 1, next_nonce = greatest(next_nonce, $4::bigint),
      lease_until = clock_timestamp() + $5::int * interval '1 millisecond'
  WHERE chain_id = $1 AND address = $2 AND lease_until <= clock_timestamp()
  RETURNING lease_token::text`;

const renewHeld = `
  UPDATE settlement.relayer r SET lease_until = clock_timestamp() + $5::int * interval '1 millisecond'
  FROM unnest($3::text[], $4::bigint[]) AS h (address, token)
  WHERE r.chain_id = $1 AND r.address = h.address AND r.lease_holder = $2::uuid AND r.lease_token = h.token
  RETURNING r.address`;

const releaseHeld = `
  UPDATE settlement.relayer r SET lease_until = clock_timestamp()
  FROM unnest($3::text[], $4::bigint[]) AS h (address, token)
  WHERE r.chain_id = $1 AND r.address = h.address AND r.lease_holder = $2::uuid AND r.lease_token = h.token`;

const skipNonces = `
  UPDATE settlement.relayer SET next_nonce = $5::bigint
  WHERE chain_id = $1 AND address = $2 AND lease_holder = $3::uuid AND lease_token = $4::bigint AND next_nonce < $5::bigint`;

const gapsMax = 16;

const findGaps = `
  SELECT n::text AS nonce
  FROM settlement.relayer r, generate_series($3::bigint, r.next_nonce - 1) AS n
  WHERE r.chain_id = $1 AND r.address = $2
    AND NOT EXISTS (SELECT FROM settlement.batch b WHERE b.chain_id = $1 AND b.relayer = $2 AND b.nonce = n)
  ORDER BY n LIMIT ${gapsMax}`;
