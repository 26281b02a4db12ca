import { evmNativeAssetId } from '@quittance/money';

import type { AssetDirectory } from '../asset/asset-directory.js';
import { type Attempt, type PaymentFacts, stateOf, type Told } from '../posting/payment-facts.js';
import type { Transaction } from '../transaction/transaction.schema.js';
import type { Payment, Step } from './payment.schema.js';

/** A payment as an answer shows it: who paid whom what, where it stands, and how it came there. */
export function paymentView(
  facts: PaymentFacts,
  transactions: Transaction[],
  assets: AssetDirectory,
): Payment {
  const { paymentId, chainId, payer, payTo, amount } = facts;
  return {
    id: paymentId,
    state: stateOf(facts),
    chainId,
    payer,
    payTo,
    asset: assets.view(facts.asset),
    amount,
    resource: facts.accepted?.resource ?? null,
    nonce: facts.accepted?.nonce ?? null,
    transaction: transactionOf(facts),
    ...settlementOf(facts),
    failure: failureOf(facts),
    gas: gasOf(facts, assets),
    timeline: timelineOf(facts),
    transactions,
  };
}

function transactionOf({ confirmed, failed, attempts }: PaymentFacts): Payment['transaction'] {
  return confirmed?.transaction ?? failed?.transaction ?? attempts.at(-1)?.submitted?.transaction ?? null;
}

function settlementOf({ confirmed }: PaymentFacts): Pick<Payment, 'settledBy' | 'block'> {
  if (confirmed === null) return { settledBy: null, block: null };
  return {
    settledBy: confirmed.settledBy,
    block: { number: confirmed.blockNumber, hash: confirmed.blockHash },
  };
}

function failureOf(facts: PaymentFacts): Payment['failure'] {
  if (facts.failed === null || stateOf(facts) !== 'failed') return null;
  return { reason: facts.failed.reason, detail: facts.failed.detail };
}

function gasOf(facts: PaymentFacts, assets: AssetDirectory): Payment['gas'] {
  const asset = assets.view(evmNativeAssetId(facts.chainId));
  return facts.attempts.flatMap(({ attempt, gas }) =>
    gas === null ? [] : [{ attempt, relayer: gas.relayer, outcome: gas.outcome, fee: gas.fee, asset }],
  );
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
  const { accepted, expired, failed, confirmed, attempts } = facts;
  const steps = attempts.flatMap(attemptSteps);
  if (accepted !== null)
    steps.push(step(accepted, { what: 'accepted', detail: `valid until ${timeOf(accepted.validBefore)}` }));
  if (expired !== null) steps.push(step(expired, { what: 'expired', detail: 'never submitted' }));
  if (failed !== null) {
    const { reason, detail, transaction } = failed;
    steps.push(step(failed, { what: 'failed', detail: `${reason}: ${detail}`, transaction }));
  }
  if (confirmed !== null) {
    const { transaction, blockNumber, settledBy } = confirmed;
    const by = settledBy === 'us' ? 'by us' : 'by somebody else';
    steps.push(step(confirmed, { what: 'confirmed', detail: `${by}, in block ${blockNumber}`, transaction }));
  }
  return steps.sort((a, b) =>
    a.at === b.at ? ranks.indexOf(a.what) - ranks.indexOf(b.what) : a.at < b.at ? -1 : 1,
  );
}

/** What comes first of things reported for the same moment. */
const ranks: readonly Step['what'][] = [
  'accepted',
  'submitted',
  'gas spent',
  'failed',
  'expired',
  'confirmed',
];

function attemptSteps({ attempt, submitted, gas }: Attempt): Step[] {
  const transaction = submitted?.transaction ?? null;
  const steps: Step[] = [];
  if (submitted !== null) {
    const detail = `by ${submitted.relayer}, with relayer nonce ${submitted.relayerNonce}`;
    steps.push(step(submitted, { what: 'submitted', attempt, transaction, detail }));
  }
  if (gas !== null) {
    const detail = `${gas.fee} wei, ${gas.outcome}`;
    steps.push(step(gas, { what: 'gas spent', attempt, transaction, detail }));
  }
  return steps;
}

const millisecondsMax = 8_640_000_000_000_000n;

/** A uint256 of seconds may lie beyond any calendar. */
function timeOf(seconds: string): string {
  const milliseconds = BigInt(seconds) * 1_000n;
  return milliseconds <= millisecondsMax ? new Date(Number(milliseconds)).toISOString() : 'the end of time';
}
