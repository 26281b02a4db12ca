import { type ExactEvmFacts, judgeExactEvm } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { PaymentId, PaymentRequest, Refusal, Verdict } from '@quittance/protocol';

import type { BalanceBlock, Payment, Purse } from '../payment/payment.js';
import { type Chains, present, type Presentation } from './presentation.js';

export type VerifyPorts = {
  readonly chains: Chains;
  /** The registry of payments. */
  readonly registry: {
    find(id: PaymentId): Promise<Payment | null>;
    inFlight(purse: Purse, at: BalanceBlock): Promise<bigint>;
    openNonces(purse: Purse, at: BalanceBlock): Promise<readonly string[]>;
  };
  /** Throws a fault when nothing new is settled on the chain now; what is known already is answered all the same. */
  readonly intake: { requireSettling(chainId: ChainId): void };
  readonly nowSeconds: () => bigint;
};

export type VerifyResult = { readonly verdict: Verdict; readonly payer?: string };

/** Checks a payment in full and reserves nothing. Faults throw: not knowing is no verdict. */
export async function verify(request: PaymentRequest, ports: VerifyPorts): Promise<VerifyResult> {
  const presented = present(request, ports.chains);
  if (!presented.ok) return { verdict: presented };
  const payer = presented.payerAsWritten;
  const known = await ports.registry.find(presented.id);
  if (known !== null) return { verdict: { ok: false, ...alreadyReserved(known) }, payer };
  ports.intake.requireSettling(presented.chain.chainId);
  const assessed = await assess(presented, ports);
  if (!assessed.ok) return { verdict: assessed, payer };
  const { payment, facts } = assessed;
  const shortAt = async (at: BalanceBlock): Promise<Refusal | undefined> => {
    const inFlight = await ports.registry.inFlight(payment, at);
    return shortfall({ balance: facts.balance ?? 0n, inFlight, amount: payment.value });
  };
  const at = balanceBlock(facts);
  const short = (await shortAt(at)) && (await shortAt(await withLanded(at, presented, ports)));
  return { verdict: short === undefined ? { ok: true } : { ok: false, ...short }, payer };
}

export type Assessed =
  | { readonly ok: true; readonly payment: Presentation['payment']; readonly facts: ExactEvmFacts }
  | ({ readonly ok: false } & Refusal);

/** Asks the chain and judges. */
export async function assess(
  { payment, chain }: Presentation,
  { nowSeconds }: Pick<VerifyPorts, 'nowSeconds'>,
): Promise<Assessed> {
  const facts = await chain.exactEvmFacts(payment);
  const verdict = judgeExactEvm({ payment, facts, nowSeconds: nowSeconds() });
  return verdict.ok ? { ok: true, payment, facts } : verdict;
}

/** The block that facts are of, as the registry reckons with it. */
export function balanceBlock(facts: Pick<ExactEvmFacts, 'blockNumber' | 'blockTime'>): BalanceBlock {
  return { number: facts.blockNumber, time: facts.blockTime, landed: [] };
}

/**
 * A payment can be in a block before we have heard of it: the balance is lower for it already, and to count it as in
 * flight too would refuse a payer who has the money. Asked only where the money seems short.
 */
export async function withLanded(
  at: BalanceBlock,
  { payment, chain }: Presentation,
  { registry }: Pick<VerifyPorts, 'registry'>,
): Promise<BalanceBlock> {
  const open = await registry.openNonces(payment, at);
  return { ...at, landed: await chain.spentNonces(payment, open, at.number) };
}

/** Why a payment of `amount` does not fit beside what the payer has in flight, or undefined. */
export function shortfall(sums: {
  readonly balance: bigint;
  readonly inFlight: bigint;
  readonly amount: bigint;
}): Refusal | undefined {
  const { balance, inFlight, amount } = sums;
  if (balance - inFlight >= amount) return undefined;
  return {
    reason: 'insufficient_funds',
    message: `The payer holds ${balance}, of which ${inFlight} is promised to payments that are being settled; this one needs ${amount}.`,
  };
}

function alreadyReserved({ id, state }: Payment): Refusal {
  return {
    reason: 'invalid_exact_evm_nonce_already_used',
    message: `This authorization was settled before, as payment ${id} (${state}): sign a new one with another nonce.`,
  };
}
