import type { EvmChain } from '@quittance/chain';
import type { ExactEvmFacts, ExactEvmPayment } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';

import type { ExpiryChain, ProvingBlock } from '../expiry/expiry.js';
import type { VerifyingChain } from '../verify/presentation.js';

/** What the facilitator asks of a chain. */
export class FacilitatorChain implements VerifyingChain, ExpiryChain {
  readonly chainId: ChainId;
  readonly assets: ReadonlySet<string>;
  readonly relayers: readonly string[];
  readonly confirmations: number;

  constructor(private readonly chain: EvmChain) {
    const { chainId, assets, relayers, confirmations } = chain.network;
    this.chainId = chainId;
    this.assets = new Set(assets.map(({ address }) => address));
    this.relayers = relayers;
    this.confirmations = confirmations;
  }

  /** Answers, and is the chain that the settings say. */
  check(): Promise<void> {
    return this.chain.checkIdentity();
  }

  exactEvmFacts(payment: ExactEvmPayment): Promise<ExactEvmFacts> {
    return this.chain.exactEvmFacts(payment);
  }

  spentNonces(
    { asset, payer }: ExactEvmPayment,
    nonces: readonly string[],
    atBlock: bigint,
  ): Promise<readonly string[]> {
    return this.chain.spentNonces({ asset, authorizer: payer, nonces: nonces as readonly Hex[], atBlock });
  }

  latestBlock(): Promise<ProvingBlock> {
    return this.chain.latestBlock();
  }

  block(number: bigint): Promise<ProvingBlock | null> {
    return this.chain.block(number);
  }

  authorizationState(asset: string, authorizer: string, nonce: string): Promise<boolean> {
    return this.chain.authorizationState(asset as Address, authorizer as Address, nonce as Hex);
  }
}

/** The configured chains by their ids. */
export class FacilitatorChains {
  readonly byId: ReadonlyMap<ChainId, FacilitatorChain>;

  constructor(readonly all: readonly FacilitatorChain[]) {
    this.byId = new Map(all.map((chain) => [chain.chainId, chain]));
  }
}
