import type { EvmChain } from '@quittance/chain';
import type { EvmFacts, EvmPayment } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';

import type { ExpiryCandidate, ExpiryChain, ProvingBlock } from '../expiry/expiry.js';
import type { BalanceBlock, OpenAuthorization } from '../payment/payment.js';
import type { OfferingChain } from '../supported/offer.loop.js';
import type { VerifyingChain } from '../verify/presentation.js';
import { balanceBlock } from '../verify/verify.js';

/** What the facilitator asks of a chain. */
export class FacilitatorChain implements VerifyingChain, ExpiryChain, OfferingChain {
  readonly chainId: ChainId;
  readonly assets: ReadonlySet<string>;
  readonly relayers: readonly Address[];
  readonly factories: readonly Address[];
  readonly confirmations: number;
  readonly relayerBalanceMin: bigint;
  balancesKnownAt: BalanceBlock | undefined;

  constructor(private readonly chain: EvmChain) {
    const { chainId, assets, relayers, factories, confirmations, relayerBalanceMinWei } = chain.network;
    this.chainId = chainId;
    this.assets = new Set(assets.map(({ address }) => address));
    this.relayers = relayers;
    this.factories = factories;
    this.confirmations = confirmations;
    this.relayerBalanceMin = relayerBalanceMinWei;
  }

  /** Answers, and is the chain that the settings say. */
  check(): Promise<void> {
    return this.chain.checkIdentity();
  }

  async paymentFacts(payment: EvmPayment): Promise<EvmFacts> {
    const facts = await this.chain.paymentFacts(payment);
    this.balancesKnownAt = balanceBlock(facts);
    return facts;
  }

  async spentOf(
    { asset, payer }: Pick<EvmPayment, 'asset' | 'payer'>,
    open: readonly OpenAuthorization[],
    atBlock: bigint,
  ): Promise<readonly OpenAuthorization[]> {
    const authorizations = open.map(({ method, nonce }) => ({ method, asset, payer, nonce: nonce as Hex }));
    const spent = await this.chain.spentOf(authorizations, atBlock);
    return open.filter((_authorization, index) => spent[index] === true);
  }

  balance(address: Address): Promise<bigint> {
    return this.chain.balance(address);
  }

  hasCode(address: Address): Promise<boolean> {
    return this.chain.hasCode(address);
  }

  latestBlock(): Promise<ProvingBlock> {
    return this.chain.latestBlock();
  }

  block(number: bigint): Promise<ProvingBlock | null> {
    return this.chain.block(number);
  }

  spent(candidates: readonly ExpiryCandidate[]): Promise<readonly boolean[]> {
    return this.chain.spentOf(
      candidates.map(({ method, asset, payer, nonce }) => ({
        method,
        asset: asset as Address,
        payer: payer as Address,
        nonce: nonce as Hex,
      })),
      'latest',
    );
  }
}

/** The configured chains by their ids. */
export class FacilitatorChains {
  readonly byId: ReadonlyMap<ChainId, FacilitatorChain>;

  constructor(readonly all: readonly FacilitatorChain[]) {
    this.byId = new Map(all.map((chain) => [chain.chainId, chain]));
  }
}
