import { randomUUID } from 'node:crypto';

import type { Relayer } from '@quittance/chain';

import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';
import { type LeasedRelayer, leasePauseMs, renewIntervalMs, type LeaseTaking } from './lease.js';
import type { RelayerRepository } from './relayer.repository.js';

export type LeasesOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'transactionCountMax'>;
  /** Keys that this process was given; those of accounts that the network does not list are left alone. */
  readonly relayers: readonly Pick<Relayer, 'address' | 'sign'>[];
  readonly repository: RelayerRepository;
  readonly log: Log;
  /** Shows others that the holder is alive; without it a dead one's leases are waited for. */
  readonly presenceOf?: (holder: string) => HolderPresence;
  /** Called when a key was taken: there is more to sign with. */
  readonly onTaken: () => void;
};

export type HolderPresence = { ensure(): Promise<void>; close(): Promise<void> };

/** Holds keys of one chain for this process, as long as it lives and no longer. */
export class Leases {
  /** Names this process among those that share the keys; new with each start, so that a start inherits no lease. */
  readonly holder = randomUUID();
  private readonly loop: WakeableLoop;
  private readonly byAddress: ReadonlyMap<Hex, LeasedRelayer['relayer']>;
  private readonly tokens = new Map<Hex, bigint>();
  private renewedAtMs = -Infinity;
  private registered = false;
  private readonly presence: HolderPresence | undefined;

  constructor(private readonly options: LeasesOptions) {
    const { chain, relayers, log } = options;
    const listed = relayers.filter(({ address }) => chain.network.relayers.includes(address));
    this.presence = options.presenceOf?.(this.holder);
    this.byAddress = new Map(listed.map((relayer) => [relayer.address, relayer]));
    this.loop = new WakeableLoop({
      name: `lease ${chain.network.chainId}`,
      log,
      step: () => this.round(),
    });
  }

  start(): void {
    this.loop.start();
  }

  /** To be called when nothing is signed any more. */
  async close(): Promise<void> {
    await this.loop.close();
    const { chain, repository, log } = this.options;
    try {
      await repository.release(chain.network.chainId, this.holder, this.tokens);
      await this.presence?.close();
    } catch (error) {
      log.warn(
        { err: error, chainId: chain.network.chainId },
        'leases were not given up; they end by themselves',
      );
    }
    this.tokens.clear();
  }

  /** The keys to sign with now. */
  held(): LeasedRelayer[] {
    return [...this.tokens].flatMap(([address, token]) => {
      const relayer = this.byAddress.get(address);
      return relayer === undefined ? [] : [{ relayer, token }];
    });
  }

  /** The database says that this lease has passed on. */
  forget({ relayer, token }: LeasedRelayer): void {
    if (this.tokens.get(relayer.address) !== token) return;
    this.tokens.delete(relayer.address);
    const { chain, log } = this.options;
    log.warn(
      { chainId: chain.network.chainId, relayer: relayer.address },
      'the lease of a relayer was lost, another process signs with it',
    );
    this.loop.wake();
  }

  /** Renews what is held when that is due, and takes at most one key more; gives the milliseconds until the next round. */
  async round(): Promise<number> {
    await this.presence?.ensure();
    if (performance.now() - this.renewedAtMs >= renewIntervalMs) await this.renew();
    const taking = this.tokens.size < this.byAddress.size ? await this.takeOne() : 'none';
    if (taking === 'taken') this.options.onTaken();
    return leasePauseMs({
      configured: this.byAddress.size,
      held: this.tokens.size,
      taking,
      sinceRenewalMs: performance.now() - this.renewedAtMs,
    });
  }

  private async renew(): Promise<void> {
    const { chain, repository } = this.options;
    const atMs = performance.now();
    if (this.tokens.size > 0) {
      const asked = new Map(this.tokens);
      const standing = await repository.renew(chain.network.chainId, this.holder, asked);
      for (const leased of this.held()) {
        const { address } = leased.relayer;
        if (asked.has(address) && !standing.has(address)) this.forget(leased);
      }
    }
    this.renewedAtMs = atMs;
  }

  private async takeOne(): Promise<LeaseTaking> {
    const { chain, repository, log } = this.options;
    const { chainId } = chain.network;
    if (!this.registered) {
      await repository.register(chainId, [...this.byAddress.keys()]);
      this.registered = true;
    }
    const wanted = [...this.byAddress.keys()].filter((address) => !this.tokens.has(address));
    const address = (await repository.free(chainId, wanted)) ?? (await this.abandoned(wanted));
    if (address === null) return 'none';
    const chainNonce = await chain.transactionCountMax(address);
    const token = await repository.take({ chainId, holder: this.holder, address, chainNonce });
    if (token === null) return 'lost';
    this.tokens.set(address, token);
    log.info({ chainId, relayer: address, lease: token.toString() }, 'took the lease of a relayer');
    return 'taken';
  }

  /** A key whose holder is gone before its lease has ended. */
  private async abandoned(wanted: readonly Hex[]): Promise<Hex | null> {
    const { chain, repository } = this.options;
    if (this.presence === undefined) return null;
    await repository.endAbandoned(chain.network.chainId, wanted);
    return repository.free(chain.network.chainId, wanted);
  }
}
