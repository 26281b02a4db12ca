import {
  authorityOf,
  type EvmFacts,
  type EvmPayment,
  type Purpose,
  readEvmPayment,
} from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import { type PaymentId, paymentIdOf, type PaymentRequest, type Refusal } from '@quittance/protocol';
import type { Address } from 'viem';

import type { BalanceBlock, OpenAuthorization } from '../payment/payment.js';

/** What verifying needs of a chain. Faults throw; what the chain says is a value. */
export type VerifyingChain = {
  readonly chainId: ChainId;
  /** The assets that are settled there, by lower-case address. */
  readonly assets: ReadonlySet<string>;
  /** The accounts that settle there. */
  readonly relayers: readonly Address[];
  /** Contracts that may deploy a payer's wallet. */
  readonly factories: readonly Address[];
  /** The block of the newest facts so far; none before the first. */
  readonly balancesKnownAt: BalanceBlock | undefined;
  paymentFacts(payment: EvmPayment): Promise<EvmFacts>;
  /** Which of these authorizations of the payer of a payment, in its asset, are spent at a block. */
  spentOf(
    payment: Pick<EvmPayment, 'asset' | 'payer'>,
    open: readonly OpenAuthorization[],
    atBlock: bigint,
  ): Promise<readonly OpenAuthorization[]>;
};

export type Chains<Chain extends VerifyingChain = VerifyingChain> = ReadonlyMap<ChainId, Chain>;

/** A request that is well formed and for something we settle; nothing of it is believed yet. */
export type Presentation = {
  readonly id: PaymentId;
  readonly payment: EvmPayment;
  /** What it was read for, and is judged for. */
  readonly purpose: Purpose;
  readonly chain: VerifyingChain;
  /** As in the request: callers compare it with what they sent. */
  readonly payerAsWritten: string;
};

export type Presented =
  | ({ readonly ok: true } & Presentation)
  /** `payer` as in the request, as far as it says. */
  | ({ readonly ok: false; readonly payer?: string } & Refusal);

/** Takes a parsed request as a payment on one of our chains, or says what about it we do not settle. */
export function present(
  request: PaymentRequest,
  { chains, purpose }: { readonly chains: Chains; readonly purpose: Purpose },
): Presented {
  const reading = read(request, chains, purpose);
  const payer = payerAsWritten(request);
  if (!reading.ok) return payer === undefined ? reading : { ...reading, payer };
  const { payment, chain } = reading;
  const id = paymentIdOf({ ...payment, asset: authorityOf(payment) });
  return { ok: true, id, payment, purpose, chain, payerAsWritten: payer ?? payment.payer };
}

type Read =
  | { readonly ok: true; readonly payment: EvmPayment; readonly chain: VerifyingChain }
  | ({ readonly ok: false } & Refusal);

function read(request: PaymentRequest, chains: Chains, purpose: Purpose): Read {
  const chain = chains.get(request.network);
  const reading = readEvmPayment(request, { purpose });
  // Of a scheme that nobody settles the network is no matter.
  if (!reading.ok && reading.reason === 'unsupported_scheme') return reading;
  if (chain === undefined) {
    return refuse(
      'invalid_network',
      `The network ${request.networkAsWritten} is not settled here: use ${[...chains.keys()].join(', ')}.`,
    );
  }
  if (!reading.ok) return reading;
  const { payment } = reading;
  if (!chain.assets.has(payment.asset)) {
    return refuse(
      'unsupported_asset',
      `The asset ${payment.asset} is not settled on ${chain.chainId}: use ${[...chain.assets].join(', ')}.`,
    );
  }
  return { ok: true, payment, chain };
}

const payloadAuthorizations = ['authorization', 'permit2Authorization'] as const;

/** Who pays, in the caller's spelling, as far as the payload says. */
export function payerAsWritten({ payload }: PaymentRequest): string | undefined {
  for (const field of payloadAuthorizations) {
    const authorization = Object.hasOwn(payload, field) ? payload[field] : undefined;
    if (typeof authorization !== 'object' || authorization === null || !('from' in authorization)) continue;
    if (typeof authorization.from === 'string') return authorization.from;
  }
  return undefined;
}

function refuse(reason: Refusal['reason'], message: string): { readonly ok: false } & Refusal {
  return { ok: false, reason, message };
}
