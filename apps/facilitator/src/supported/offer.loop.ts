import { exactPermit2ProxyAddress, permit2Address, uptoPermit2ProxyAddress } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { Logger } from '@quittance/observability';
import type { Address } from 'viem';

import { Repeating } from '../loop/repeating.loop.js';
import type { Offer } from './supported.js';

const intervalDefaultMs = 10_000;

/** What is asked of a chain to know what can be offered there. */
export type OfferingChain = {
  readonly chainId: ChainId;
  readonly relayers: readonly Address[];
  /** What a relayer must hold to be used, in wei. */
  readonly relayerBalanceMin: bigint;
  balance(address: Address): Promise<bigint>;
  hasCode(address: Address): Promise<boolean>;
};

export type OfferWatchOptions = {
  readonly chains: readonly OfferingChain[];
  readonly logger: Logger;
  readonly intervalMs?: number;
};

/** Knows without asking what each chain lets us do; while a chain does not answer, what was known last holds. */
export class OfferWatch {
  readonly #offers = new Map<ChainId, Offer>();
  readonly #loops: readonly Repeating[];

  constructor({ chains, logger, intervalMs = intervalDefaultMs }: OfferWatchOptions) {
    for (const { chainId, relayers } of chains) this.#offers.set(chainId, unknownOffer(chainId, relayers));
    this.#loops = chains.map(
      (chain) =>
        new Repeating({
          name: `offer on ${chain.chainId}`,
          logger,
          restMs: intervalMs,
          step: async () => {
            this.#offers.set(chain.chainId, await offerOf(chain));
            return 'again';
          },
        }),
    );
  }

  /** In the order of the settings. */
  offers(): readonly Offer[] {
    return [...this.#offers.values()];
  }

  start(): void {
    for (const loop of this.#loops) loop.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()));
  }
}

function unknownOffer(chainId: ChainId, relayers: readonly Address[]): Offer {
  return { chainId, relayers, payingRelayers: [], hasExactProxy: false, hasUptoProxy: false };
}

async function offerOf(chain: OfferingChain): Promise<Offer> {
  const { chainId, relayers, relayerBalanceMin } = chain;
  const [balances, hasPermit2, hasExact, hasUpto] = await Promise.all([
    Promise.all(relayers.map((relayer) => chain.balance(relayer))),
    chain.hasCode(permit2Address),
    chain.hasCode(exactPermit2ProxyAddress),
    chain.hasCode(uptoPermit2ProxyAddress),
  ]);
  return {
    chainId,
    relayers,
    payingRelayers: relayers.filter((_relayer, index) => (balances[index] ?? 0n) >= relayerBalanceMin),
    hasExactProxy: hasPermit2 && hasExact,
    hasUptoProxy: hasPermit2 && hasUpto,
  };
}
