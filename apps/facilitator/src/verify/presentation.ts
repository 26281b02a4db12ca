import {
  exactScheme,
  type ExactEvmFacts,
  type ExactEvmPayment,
  readExactEvmPayment,
} from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import { type PaymentId, paymentIdOf, type PaymentRequest, type Refusal } from '@quittance/protocol';

/** What verifying needs of a chain. Faults throw; what the chain says is a value. */
export type VerifyingChain = {
  readonly chainId: ChainId;
  /** The assets that are settled there, by lower-case address. */
  readonly assets: ReadonlySet<string>;
  exactEvmFacts(payment: ExactEvmPayment): Promise<ExactEvmFacts>;
  /** Which of these authorizations of the payer are spent at a block. */
  spentNonces(
    payment: ExactEvmPayment,
    nonces: readonly string[],
    atBlock: bigint,
  ): Promise<readonly string[]>;
};

export type Chains<Chain extends VerifyingChain = VerifyingChain> = ReadonlyMap<ChainId, Chain>;

/** A request that is well formed and for something we settle; nothing of it is believed yet. */
export type Presentation = {
  readonly id: PaymentId;
  readonly payment: ExactEvmPayment;
  readonly chain: VerifyingChain;
  /** As in the request: callers compare it with what they sent. */
  readonly payerAsWritten: string;
};

export type Presented = ({ readonly ok: true } & Presentation) | ({ readonly ok: false } & Refusal);

/** Takes a parsed request as a payment on one of our chains, or says what about it we do not settle. */
export function present(request: PaymentRequest, chains: Chains): Presented {
  if (request.scheme !== exactScheme) {
    return refuse(
      'unsupported_scheme',
      `The scheme "${request.scheme}" is not settled here: use "${exactScheme}".`,
    );
  }
  const chain = chains.get(request.network);
  if (chain === undefined) {
    return refuse(
      'invalid_network',
      `The network ${request.networkAsWritten} is not settled here: use ${[...chains.keys()].join(', ')}.`,
    );
  }
  const reading = readExactEvmPayment(request);
  if (!reading.ok) return reading;
  const { payment } = reading;
  if (!chain.assets.has(payment.asset)) {
    return refuse(
      'unsupported_asset',
      `The asset ${payment.asset} is not settled on ${chain.chainId}: use ${[...chain.assets].join(', ')}.`,
    );
  }
  const id = paymentIdOf(payment);
  return { ok: true, id, payment, chain, payerAsWritten: payerAsWritten(request) ?? payment.payer };
}

/** Who pays, in the caller's spelling, as far as the payload says. */
function payerAsWritten({ payload }: PaymentRequest): string | undefined {
  const authorization = payload['authorization'];
  if (typeof authorization !== 'object' || authorization === null || !('from' in authorization))
    return undefined;
  return typeof authorization.from === 'string' ? authorization.from : undefined;
}

function refuse(reason: Refusal['reason'], message: string): { readonly ok: false } & Refusal {
  return { ok: false, reason, message };
}
