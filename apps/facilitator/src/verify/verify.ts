import { type EvmFacts, judgeEvmPayment } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import {
  fingerprintOf,
  type PaymentId,
  type PaymentRequest,
  type Refusal,
  type Verdict,
} from '@quittance/protocol';

import { type IdentifierRegistry, takeIdentifier } from '../identifier/payment-identifier.js';
import type { BalanceBlock, OpenAuthorization, Payment, Purse, LookedUp } from '../payment/payment.js';
import { type VerdictRecord, verdictRecord } from '../verdict/verdict-record.js';
import type { PayerLanes } from './payer-lanes.js';
import { type Chains, present, type Presentation } from './presentation.js';

export type VerifyPorts = {
  readonly chains: Chains;
  /** The registry of payments. */
  readonly registry: {
    find(id: PaymentId): Promise<Payment | null>;
    inFlight(purse: Purse, at: BalanceBlock): Promise<bigint>;
    /** Both in one, with nothing left out of what is in flight. */
    lookUp(id: PaymentId, purse: Purse, at: BalanceBlock): Promise<LookedUp>;
    openAuthorizations(purse: Purse, at: BalanceBlock): Promise<readonly OpenAuthorization[]>;
  };
  readonly identifiers: IdentifierRegistry;
  /** Keeps verdicts: resolves when one may be answered. */
  readonly trail: { keep(record: VerdictRecord): Promise<void> };
  /** Throws a fault when nothing new is settled on the chain now; what is known already is answered all the same. */
  readonly intake: { requireSettling(chainId: ChainId): void };
  readonly lanes: Pick<PayerLanes, 'run'>;
  readonly now: () => Date;
};

export type VerifyResult = {
  readonly verdict: Verdict;
  readonly payer?: string;
  readonly paymentId?: PaymentId;
  /** The block that it rests on, where the chain was asked. */
  readonly blockNumber?: bigint;
};

/** Checks a payment in full and reserves nothing. Faults throw: not knowing is no verdict. */
export async function verify(request: PaymentRequest, ports: VerifyPorts): Promise<VerifyResult> {
  const fingerprint = fingerprintOf(request);
  const kept = async (result: VerifyResult): Promise<VerifyResult> => {
    await ports.trail.keep(verdictRecord({ route: 'verify', request, fingerprint, ...result }, ports.now()));
    return result;
  };
  const presented = present(request, { chains: ports.chains, purpose: 'verify' });
  if (!presented.ok) {
    const { payer: written, ...verdict } = presented;
    return kept(written === undefined ? { verdict } : { verdict, payer: written });
  }
  const of = { payer: presented.payerAsWritten, paymentId: presented.id };
  const taken = await takeIdentifier(request, { route: 'verify', fingerprint }, ports.identifiers);
  if (!taken.ok) return kept({ verdict: taken, ...of });
  const { verified } = taken;
  if (verified !== null && (taken.isRecent || (verified.ok && (await isAccepted(presented, ports)))))
    return { verdict: verified, ...of };
  const judged = await ports.lanes.run(
    presented.payment.payer,
    async () => kept({ ...(await judge(presented, ports)), ...of }),
    ({ verdict }) => !verdict.ok && isOfMoney(verdict),
  );
  if (taken.claim === null) return judged;
  return { verdict: await ports.identifiers.keep(taken.claim, judged.verdict), ...of };
}

/** A good verdict holds for good of what was accepted since. Of anything else it was about money that may be gone. */
async function isAccepted({ id }: Presentation, { registry }: VerifyPorts): Promise<boolean> {
  return (await registry.find(id)) !== null;
}

async function judge(
  presented: Presentation,
  ports: VerifyPorts,
): Promise<Pick<VerifyResult, 'verdict' | 'blockNumber'>> {
  // Most payments are new: registry and chain are asked at the same time.
  const assessing = assessNew(presented, ports);
  // Of a payment that is known, what the chain says is of no interest, not even that it does not answer.
  assessing.catch(() => undefined);
  const before = presented.chain.balancesKnownAt;
  const found = await lookUp(presented, ports.registry, before);
  if (found.known !== null) return { verdict: { ok: false, ...alreadyReserved(found.known) } };
  const { verdict, payment, facts } = await assessing;
  const { blockNumber } = facts;
  if (!verdict.ok) return { verdict, blockNumber };
  const shortBy = (inFlight: bigint): Refusal | undefined =>
    shortfall({ balance: facts.balance ?? 0n, inFlight, amount: payment.requirements.amount });
  // What was in flight at an earlier block is at least what is now: money that suffices for it suffices.
  const isEarlier = before !== undefined && before.number <= blockNumber && before.time <= facts.blockTime;
  if (isEarlier && shortBy(found.inFlight) === undefined) return { verdict: { ok: true }, blockNumber };
  const at = balanceBlock(facts);
  const shortAt = async (block: BalanceBlock): Promise<Refusal | undefined> =>
    shortBy(await ports.registry.inFlight(payment, block));
  const short = (await shortAt(at)) && (await shortAt(await withLanded(at, presented, ports)));
  return { verdict: short === undefined ? { ok: true } : { ok: false, ...short }, blockNumber };
}

async function lookUp(
  { id, payment }: Presentation,
  registry: VerifyPorts['registry'],
  at: BalanceBlock | undefined,
): Promise<LookedUp> {
  if (at !== undefined) return registry.lookUp(id, payment, at);
  return { known: await registry.find(id), inFlight: 0n };
}

async function assessNew(presented: Presentation, ports: VerifyPorts): Promise<Assessed> {
  ports.intake.requireSettling(presented.chain.chainId);
  return assess(presented, ports);
}

export type Assessed = {
  readonly verdict: Verdict;
  readonly payment: Presentation['payment'];
  readonly facts: EvmFacts;
};

/** Asks the chain and judges. */
export async function assess(
  { payment, purpose, chain }: Presentation,
  { now }: Pick<VerifyPorts, 'now'>,
): Promise<Assessed> {
  const facts = await chain.paymentFacts(payment);
  const { factories, relayers } = chain;
  const nowSeconds = BigInt(Math.floor(now().getTime() / 1_000));
  const verdict = judgeEvmPayment({ payment, facts, nowSeconds, purpose, factories, relayers });
  return { verdict, payment, facts };
}

/** The block that facts are of, as the registry reckons with it. */
export function balanceBlock(facts: Pick<EvmFacts, 'blockNumber' | 'blockTime'>): BalanceBlock {
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
  const open = await registry.openAuthorizations(payment, at);
  const spent = await chain.spentOf(payment, open, at.number);
  return { ...at, landed: spent.map(({ id }) => id) };
}

/** A refusal that only the payer himself can bring about: whoever has no money signed for it. */
export function isOfMoney({ reason }: Refusal): boolean {
  return reason === 'insufficient_funds' || reason === 'permit2_insufficient_balance';
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

function alreadyReserved({ id, state, method }: Payment): Refusal {
  return {
    reason: method === 'permit2' ? 'permit2_invalid_nonce' : 'invalid_exact_evm_nonce_already_used',
    message: `This authorization was settled before, as payment ${id} (${state}): sign a new one with another nonce.`,
  };
}
