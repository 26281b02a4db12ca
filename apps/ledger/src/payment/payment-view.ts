import { evmNativeAssetId } from '@quittance/money';

import type { AssetDirectory } from '../asset/asset-directory.js';
import {
  type Attempt,
  confirmationOf,
  failureOf,
  feeOf,
  gasSpent,
  type Outcome,
  type PaymentFacts,
  stateOf,
  type Told,
  transactionOf,
} from '../posting/payment-facts.js';
import type { Transaction } from '../transaction/transaction.schema.js';
import { type Payment, type Step, stepKinds } from './payment.schema.js';

/** What the books hold of a payment. */
export type PaymentRecord = {
  readonly facts: PaymentFacts;
  readonly transactions: Transaction[];
  /** The last block of its chain that is final. */
  readonly finalBlock: bigint | null;
};

/** A payment as an answer shows it: who paid whom what, where it stands, and how it came there. */
export function paymentView(record: PaymentRecord, assets: AssetDirectory): Payment {
  const { facts, transactions } = record;
  const { paymentId, chainId, payer, payTo, amount } = facts;
  return {
    id: paymentId,
    state: stateOf(facts),
    final: isFinal(record),
    chainId,
    payer,
    payTo,
    asset: assets.view(facts.asset),
    amount,
    ceiling: facts.accepted?.ceiling ?? null,
    fee: feeView(facts),
    resource: facts.accepted?.resource ?? null,
    nonce: facts.accepted?.nonce ?? null,
    transaction: latestTransaction(facts),
    ...settlementOf(facts),
    failure: failureView(facts),
    gas: gasOf(facts, assets),
    timeline: timelineOf(facts),
    transactions,
  };
}

function isFinal({ facts, finalBlock }: PaymentRecord): boolean {
  const confirmed = confirmationOf(facts);
  return confirmed !== null && finalBlock !== null && BigInt(confirmed.blockNumber) <= finalBlock;
}

function latestTransaction(facts: PaymentFacts): Payment['transaction'] {
  const newest = transactionOf(facts.attempts.at(-1));
  return confirmationOf(facts)?.transaction ?? failureOf(facts)?.transaction ?? newest;
}

function settlementOf(facts: PaymentFacts): Pick<Payment, 'settledBy' | 'block'> {
  const confirmed = confirmationOf(facts);
  if (confirmed === null) return { settledBy: null, block: null };
  return {
    settledBy: confirmed.settledBy,
    block: { number: confirmed.blockNumber, hash: confirmed.blockHash },
  };
}

function feeView(facts: PaymentFacts): Payment['fee'] {
  const fee = feeOf(facts);
  if (fee === null) return null;
  const { merchant, amount, basisPoints, fixed } = fee;
  return { merchant, amount, basisPoints, fixed };
}

function failureView(facts: PaymentFacts): Payment['failure'] {
  const failed = failureOf(facts);
  if (failed === null || stateOf(facts) !== 'failed') return null;
  return { reason: failed.reason, detail: failed.detail };
}

function gasOf(facts: PaymentFacts, assets: AssetDirectory): Payment['gas'] {
  const asset = assets.view(evmNativeAssetId(facts.chainId));
  return gasSpent(facts).map(({ attempt, relayer, outcome, fee }) => ({
    attempt,
    relayer,
    outcome,
    fee,
    asset,
  }));
}

type StepParts = Pick<Step, 'what' | 'detail'> & Partial<Pick<Step, 'attempt' | 'transaction'>>;

const step = (told: Told, { what, detail, attempt = null, transaction = null }: StepParts): Step => ({
  at: new Date(told.at).toISOString(),
  what,
  attempt,
  transaction,
  detail,
  eventId: told.eventId,
});

function timelineOf(facts: PaymentFacts): Step[] {
  const { accepted, expired, attempts, outcomes, reorgs } = facts;
  const steps = [...attempts.flatMap(attemptSteps), ...gasSteps(facts), ...outcomes.map(outcomeStep)];
  if (accepted !== null)
    steps.push(step(accepted, { what: 'accepted', detail: `valid until ${timeOf(accepted.validBefore)}` }));
  if (expired !== null) steps.push(step(expired, { what: 'expired', detail: 'never submitted' }));
  for (const reorg of reorgs) {
    const detail = `block ${reorg.blockNumber} left the chain: event ${reorg.takesBack} no longer holds`;
    steps.push(step(reorg, { what: 'reorged', detail, transaction: reorg.transaction }));
  }
  return steps.sort((a, b) =>
    a.at === b.at ? stepKinds.indexOf(a.what) - stepKinds.indexOf(b.what) : a.at < b.at ? -1 : 1,
  );
}

function attemptSteps({ attempt, submitted, replacements }: Attempt): Step[] {
  const steps = replacements.map((one) => {
    const detail = `by version ${one.version}, which may cost ${one.reserve} wei`;
    return step(one, { what: 'replaced', attempt, transaction: one.transaction, detail });
  });
  if (submitted === null) return steps;
  const { relayer, relayerNonce, transaction } = submitted;
  const detail = `by ${relayer}, with relayer nonce ${relayerNonce}`;
  return [step(submitted, { what: 'submitted', attempt, transaction, detail }), ...steps];
}

/** Only what counts: what a reorganisation took back was not spent. */
function gasSteps(facts: PaymentFacts): Step[] {
  return gasSpent(facts).map((gas) => {
    const { attempt, fee, outcome, transaction } = gas;
    return step(gas, { what: 'gas spent', attempt, transaction, detail: `${fee} wei, ${outcome}` });
  });
}

function outcomeStep(outcome: Outcome): Step {
  const { transaction } = outcome;
  switch (outcome.kind) {
    case 'confirmed': {
      const by = outcome.settledBy === 'us' ? 'by us' : 'by somebody else';
      const detail = `${by}, in block ${outcome.blockNumber}`;
      return step(outcome, { what: 'confirmed', detail, transaction });
    }
    case 'failed':
      return step(outcome, {
        what: 'failed',
        detail: `${outcome.reason}: ${outcome.detail}`,
        transaction,
      });
    case 'released': {
      const { attempt, cause } = outcome;
      return step(outcome, { what: 'released', attempt, transaction, detail: cause });
    }
  }
}

const millisecondsMax = 8_640_000_000_000_000n;

/** A uint256 of seconds may lie beyond any calendar. */
function timeOf(seconds: string): string {
  const milliseconds = BigInt(seconds) * 1_000n;
  return milliseconds <= millisecondsMax ? new Date(Number(milliseconds)).toISOString() : 'the end of time';
}
