import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';
import type { LeasedRelayer } from './lease.js';
import type { Leases } from './lease.loop.js';
import type { RelayerRepository } from './relayer.repository.js';

export type NonceWatchOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'transactionCountMax'>;
  readonly leases: Pick<Leases, 'held' | 'holder'>;
  readonly repository: RelayerRepository;
  readonly log: Log;
  /** Called with how many nonces of each relayer the chain has used. */
  readonly onCounts: (counts: ReadonlyMap<Hex, bigint>) => Promise<void>;
  /** Called for a relayer with gaps that no payment came for. */
  readonly onIdleGap: (signer: LeasedRelayer) => Promise<void>;
};

const lookIntervalMs = 1_000;
/** What is acted upon has to be seen for so long: a node may count the transactions of a block that it is still making. */
const steadyMinMs = 1_000;
/** After this a gap is not kept for a payment any more. */
const idleGapMs = 2_000;

type Sight = {
  readonly count: bigint;
  /** An earlier count, to be compared with one that is a while younger. */
  readonly earlier: { readonly count: bigint; readonly atMs: number };
  /** When each nonce that holds up later ones was first seen to carry nothing, lowest first. */
  readonly gapsSinceMs: ReadonlyMap<bigint, number>;
};

/** Watches how far the chain has come with the nonces of the leased relayers. */
export class NonceWatch {
  private readonly loop: WakeableLoop;
  private sights: ReadonlyMap<Hex, Sight> = new Map();

  constructor(private readonly options: NonceWatchOptions) {
    this.loop = new WakeableLoop({
      name: `nonces ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.look(),
    });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** A nonce of ours is spent by something else, or a key was taken: looks before its time. */
  wake(): void {
    this.loop.wake();
  }

  /** How many nonces of a relayer the chain has used, when it was last asked; 0 before. */
  countOf(relayer: Hex): bigint {
    return this.sights.get(relayer)?.count ?? 0n;
  }

  /** Nonces that hold up later ones and carry nothing, lowest first. */
  gapsOf(relayer: Hex): bigint[] {
    return this.gapsOlderThan(relayer, steadyMinMs);
  }

  async look(): Promise<number> {
    const held = this.options.leases.held();
    const looked = await Promise.all(
      held.map(async (signer) => [signer.relayer.address, await this.lookAt(signer)] as const),
    );
    this.sights = new Map(looked);
    await this.options.onCounts(new Map(looked.map(([address, { count }]) => [address, count])));
    for (const signer of held) {
      if (this.gapsOlderThan(signer.relayer.address, idleGapMs).length > 0)
        await this.options.onIdleGap(signer);
    }
    return lookIntervalMs;
  }

  private async lookAt({ relayer, token }: LeasedRelayer): Promise<Sight> {
    const { chain, leases, repository } = this.options;
    const { chainId } = chain.network;
    const { address } = relayer;
    const count = await chain.transactionCountMax(address);
    const before = this.sights.get(address);
    const now = { count, atMs: performance.now() };
    const isSteady = before !== undefined && now.atMs - before.earlier.atMs >= steadyMinMs;
    if (isSteady) {
      const steady = count < before.earlier.count ? count : before.earlier.count;
      await repository.skipTo({ chainId, holder: leases.holder, address, token }, steady);
    }
    const gaps = await repository.gaps({ chainId, address }, count);
    return {
      count,
      earlier: before === undefined || isSteady ? now : before.earlier,
      gapsSinceMs: new Map(gaps.map((nonce) => [nonce, before?.gapsSinceMs.get(nonce) ?? now.atMs])),
    };
  }

  private gapsOlderThan(relayer: Hex, ageMs: number): bigint[] {
    const nowMs = performance.now();
    const gaps = this.sights.get(relayer)?.gapsSinceMs ?? new Map<bigint, number>();
    return [...gaps].flatMap(([nonce, sinceMs]) => (nowMs - sinceMs >= ageMs ? [nonce] : []));
  }
}
