import { exactScheme, uptoScheme } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import {
  eip2612GasSponsoringKey,
  erc20ApprovalGasSponsoringKey,
  paymentIdentifierKey,
  supportedAnswer,
  type SupportedResponse,
} from '@quittance/protocol';

/** What a network lets us do now, as far as callers may know of it. */
export type Offer = {
  readonly chainId: ChainId;
  readonly relayers: readonly string[];
  /** Those that have the money to settle. */
  readonly payingRelayers: readonly string[];
  /** Whether the contracts are there by which payments by Permit2 are settled: by `exact`, and by `upto`. */
  readonly hasExactProxy: boolean;
  readonly hasUptoProxy: boolean;
};

/**
 * What we settle, where, and who pays the gas: in v2 terms, and in v1's where that has a name for the chain. By `upto` the
 * payer names who settles, so that one is told: the `turn`th of those that can.
 */
export function supported(offers: readonly Offer[], turn: number): SupportedResponse {
  const sponsored = offers.some(({ hasExactProxy, hasUptoProxy }) => hasExactProxy || hasUptoProxy);
  return supportedAnswer({
    kinds: offers.flatMap((offer) => kindsOf(offer, turn)),
    extensions: [
      ...(sponsored ? [eip2612GasSponsoringKey, erc20ApprovalGasSponsoringKey] : []),
      paymentIdentifierKey,
    ],
    signers: { 'eip155:*': [...new Set(offers.flatMap(({ relayers }) => relayers))] },
  });
}

function kindsOf({ chainId: network, payingRelayers, hasUptoProxy }: Offer, turn: number) {
  const exact = { scheme: exactScheme, network };
  const facilitatorAddress = payingRelayers[turn % payingRelayers.length];
  if (!hasUptoProxy || facilitatorAddress === undefined) return [exact];
  return [exact, { scheme: uptoScheme, network, extra: { facilitatorAddress } }];
}
