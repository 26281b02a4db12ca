import type { PaymentId } from '@quittance/protocol';

import { hindranceOf } from '../attempt/hindrance.js';
import { revertDetail, revertMeaning } from '../attempt/revert.js';
import type { BatchId, OutstandingBatch } from '../batch/batch.js';
import { ChainInconsistentError } from '../chain/chain-inconsistent.error.js';
import { blockAt, findEnd } from '../chain/log-search.js';
import { useIn } from '../chain/payment-use.js';
import type { TakenTransfers } from '../chain/permit-search.js';
import type {
  AuthorizationLog,
  ChainBlock,
  ChainReceipt,
  SettlementChain,
} from '../chain/settlement-chain.js';
import type { Landing } from '../payment/finding.js';
import type { Hex, Payment } from '../payment/payment.js';
import {
  displacedBatch,
  type EndedBatch,
  type KnownBatch,
  type Landed,
  type Mined,
  revertedBatch,
  revertedSingle,
  succeededBatch,
  type Verdict,
} from './batch-end.js';
import { ChainSurvey, type MatchedLog, rememberingBlocks } from './survey.js';

/** A payment with when the facilitator accepted it, seconds since 1970. */
export type AcceptedPayment = { readonly payment: Payment; readonly acceptedSeconds: bigint };

/** What a survey asks of the database. */
export type StoredBatches = {
  batches(batchIds: readonly BatchId[]): Promise<readonly KnownBatch[]>;
  /** Those that have one of these transactions. */
  batchesWith(transactions: readonly Hex[]): Promise<readonly KnownBatch[]>;
  match(logs: readonly AuthorizationLog[]): Promise<readonly MatchedLog[]>;
  payment(paymentId: PaymentId): Promise<AcceptedPayment | null>;
  takenFrom(payment: Payment): TakenTransfers;
};

/** A batch whose nonce is used, with the receipt of whichever of its transactions was mined. */
type UsedUp = { readonly batch: OutstandingBatch; readonly receipt: ChainReceipt | null };

/** What was read already. */
export type AtHand = {
  readonly blocks?: readonly ChainBlock[];
  readonly receipts?: readonly ChainReceipt[];
};

/** Logs, and the batches that they come from. */
type Matched = { readonly matched: readonly MatchedLog[]; readonly batches: readonly KnownBatch[] };

type LandingsOf = ReadonlyMap<Hex, ReadonlyMap<PaymentId, Landing>>;

/**
 * One look at what became of our batches: reads each block and each receipt once. Searches for logs say at most which
 * transactions of ours are mined; what those did is read from their receipts, which nodes do not leave half empty.
 */
export class BatchSurvey {
  private readonly reader: Pick<SettlementChain, 'network' | 'block'>;
  private readonly receipts: ReadonlyMap<Hex, ChainReceipt>;

  constructor(
    private readonly chain: SettlementChain,
    private readonly stored: StoredBatches,
    { blocks = [], receipts = [] }: AtHand = {},
  ) {
    this.reader = rememberingBlocks(chain, blocks);
    this.receipts = new Map(receipts.map((receipt) => [receipt.transaction, receipt]));
  }

  /** What became of the batches that logs come from, as of the block `confirmed`. */
  async landed({ matched, batches }: Matched, confirmed: bigint): Promise<EndedBatch[]> {
    const firstOf = new Map<BatchId, AuthorizationLog>();
    for (const { batchId, log } of matched) {
      if (batchId !== null && !firstOf.has(batchId)) firstOf.set(batchId, log);
    }
    if (firstOf.size === 0) return [];
    const minedOf = await this.minedOf(firstOf);
    const landings = await this.landings([...minedOf.values()], matched);
    const ended = batches.map(async (batch) => {
      const mined = minedOf.get(batch.batchId);
      return mined === undefined ? [] : [await this.succeeded(batch, mined, { landings, confirmed })];
    });
    return (await Promise.all(ended)).flat();
  }

  /**
   * Which of the batches have their nonce used at the block `confirmed`: they were mined, or another transaction took
   * the nonce. The others are still on their way.
   */
  async usedUp(outstanding: readonly OutstandingBatch[], confirmed: bigint): Promise<UsedUp[]> {
    const relayers = [...new Set(outstanding.map(({ relayer }) => relayer))];
    const counts = new Map(
      await Promise.all(
        relayers.map(
          async (relayer) => [relayer, await this.chain.transactionCount(relayer, confirmed)] as const,
        ),
      ),
    );
    const over = outstanding.filter(({ relayer, nonce }) => nonce < (counts.get(relayer) ?? 0n));
    if (over.length === 0) return [];
    // Asked in one turn: a node that has not got the block does not know of its receipts either.
    const [found, block] = await Promise.all([this.receiptsOf(over), this.chain.block(confirmed)]);
    const inTime = found.filter(({ receipt }) => receipt === null || receipt.blockNumber <= confirmed);
    const contradicted = await Promise.all(
      inTime.map(async ({ batch, receipt }) =>
        receipt === null ? block === null || (await this.isInBlock(batch)) : false,
      ),
    );
    return inTime.filter((_, index) => contradicted[index] !== true);
  }

  /** Which of the batches have a transaction in a block after all, up to `confirmed`. */
  async minedAmong(batches: readonly OutstandingBatch[], confirmed: bigint): Promise<UsedUp[]> {
    const found = await this.receiptsOf(batches);
    return found.filter(({ receipt }) => receipt !== null && receipt.blockNumber <= confirmed);
  }

  private async receiptsOf(batches: readonly OutstandingBatch[]): Promise<UsedUp[]> {
    return Promise.all(
      batches.map(async (batch): Promise<UsedUp> => {
        const receipts = await Promise.all(batch.hashes.map((hash) => this.chain.receipt(hash)));
        return { batch, receipt: receipts.find((receipt) => receipt !== null) ?? null };
      }),
    );
  }

  /** Whether the node says, of a transaction that it has no receipt of, that it is mined. */
  private async isInBlock({ hashes }: OutstandingBatch): Promise<boolean> {
    const numbers = await Promise.all(hashes.map((hash) => this.chain.blockNumberOf(hash)));
    return numbers.some((number) => number !== null);
  }

  /** What became of batches whose nonce is used; `isLost` says of those without a receipt whether that is certain. */
  async ended(
    usedUp: readonly UsedUp[],
    { confirmed, isLost }: { readonly confirmed: bigint; readonly isLost: (batchId: BatchId) => boolean },
  ): Promise<EndedBatch[]> {
    const due = usedUp.filter(({ batch, receipt }) => receipt !== null || isLost(batch.batchId));
    if (due.length === 0) return [];
    const known = new Map(
      (await this.stored.batches(due.map(({ batch }) => batch.batchId))).map((batch) => [
        batch.batchId,
        batch,
      ]),
    );
    const ended = due.map(async ({ batch: { batchId, hashes }, receipt }): Promise<EndedBatch | null> => {
      const batch = known.get(batchId);
      const newest = hashes.at(-1);
      if (batch === undefined || newest === undefined) return null;
      return receipt === null ? displacedBatch(batch, newest) : this.mined(batch, receipt, confirmed);
    });
    return (await Promise.all(ended)).filter((end) => end !== null);
  }

  private async minedOf(
    firstOf: ReadonlyMap<BatchId, AuthorizationLog>,
  ): Promise<ReadonlyMap<BatchId, Mined>> {
    const mined = [...firstOf].map(async ([batchId, log]) => [batchId, await this.minedWith(log)] as const);
    return new Map(await Promise.all(mined));
  }

  private async minedWith(log: AuthorizationLog): Promise<Mined> {
    const known = this.receipts.get(log.transaction);
    const [receipt, block] = await Promise.all([
      known?.blockHash === log.blockHash ? known : this.chain.receipt(log.transaction),
      blockAt(this.reader, log.blockNumber, log.blockHash),
    ]);
    if (receipt === null || receipt.blockHash !== log.blockHash || receipt.status !== 'success') {
      throw new ChainInconsistentError(
        this.chain.network.chainId,
        `there is a log of ${log.transaction} but no receipt that fits`,
      );
    }
    return { receipt, block };
  }

  /** Where payments landed by what receipts say; `known` are logs of which it is known already whose they are. */
  private async landings(mined: readonly Mined[], known: readonly MatchedLog[] = []): Promise<LandingsOf> {
    const knownOf = new Map(known.map((match) => [placeOf(match.log), match]));
    const logs = mined.flatMap(({ receipt }) => receipt.authorizationsUsed);
    const others = await this.stored.match(logs.filter((log) => !knownOf.has(placeOf(log))));
    const matches = [...logs.flatMap((log) => knownOf.get(placeOf(log)) ?? []), ...others];
    const blockOf = new Map(mined.map(({ receipt, block }) => [receipt.transaction, block]));
    const landings = new Map<Hex, Map<PaymentId, Landing>>();
    for (const { log, paymentId } of matches) {
      const { transaction, logIndex } = log;
      const block = blockOf.get(transaction);
      if (paymentId === null || block === undefined) continue;
      const ofIt = landings.get(transaction) ?? new Map<PaymentId, Landing>();
      landings.set(transaction, ofIt.set(paymentId, { transaction, block, logIndex }));
    }
    return landings;
  }

  private async mined(
    batch: KnownBatch,
    receipt: ChainReceipt,
    confirmed: bigint,
  ): Promise<EndedBatch | null> {
    const block = await blockAt(this.reader, receipt.blockNumber, receipt.blockHash);
    const mined: Mined = { receipt, block };
    if (receipt.status === 'success')
      return this.succeeded(batch, mined, { landings: await this.landings([mined]), confirmed });
    if (batch.members.length === 0) return succeededBatch(batch, mined, nothingLanded);
    return batch.members.length === 1
      ? this.failedSingle(batch, mined, confirmed)
      : revertedBatch(batch, mined);
  }

  private async succeeded(
    batch: KnownBatch,
    mined: Mined,
    { landings: landingsOf, confirmed }: { readonly landings: LandingsOf; readonly confirmed: bigint },
  ): Promise<EndedBatch> {
    const landings = landingsOf.get(mined.receipt.transaction) ?? nothingLanded.landings;
    const [member, ...others] = batch.members;
    if (member === undefined || others.length > 0 || landings.has(member.paymentId))
      return succeededBatch(batch, mined, { landings, unusedAlone: false });
    const accepted = await this.stored.payment(member.paymentId);
    const landing = accepted === null ? null : permitLanding(mined, accepted.payment);
    if (landing !== null)
      return succeededBatch(batch, mined, {
        landings: new Map([[member.paymentId, landing]]),
        unusedAlone: false,
      });
    const unusedAlone = accepted !== null && !(await this.isSpent(accepted.payment, confirmed));
    return succeededBatch(batch, mined, { landings, unusedAlone });
  }

  /**
   * A verdict on the payment only where it is proven: that its authorization is unused, or by what it ended. Otherwise it
   * goes back to the queue, where that is searched for as long as it takes.
   */
  private async failedSingle(batch: KnownBatch, mined: Mined, confirmed: bigint): Promise<EndedBatch | null> {
    const [member] = batch.members;
    const accepted = member === undefined ? null : await this.stored.payment(member.paymentId);
    if (accepted === null) return null;
    const { payment, acceptedSeconds } = accepted;
    const [text, spent] = await Promise.all([
      this.chain.revertReason(mined.receipt.transaction),
      this.isSpent(payment, confirmed),
    ]);
    if (!spent) {
      const why = await this.verdict(payment, text);
      return why === null ? revertedBatch(batch, mined) : revertedSingle(batch, mined, why);
    }
    const isTaken = this.stored.takenFrom(payment);
    const end = await findEnd(this.chain, payment, { head: confirmed, acceptedSeconds, isTaken });
    if (end === null || end === 'unknown') return revertedBatch(batch, mined);
    await blockAt(this.reader, end.log.blockNumber, end.log.blockHash);
    const failed = revertedSingle(batch, mined, spentVerdict(payment, text));
    if (end.how === 'cancelled') return failed;
    const spender = await new ChainSurvey(this.reader).landed(await this.stored.match([end.log]));
    return { end: failed.end, findings: [...spender, ...failed.findings] };
  }

  /** As of a block by its number, so that a node that lags behind it cannot answer. */
  private async isSpent(payment: Payment, atBlock: bigint): Promise<boolean> {
    const [spent] = await this.chain.spentOf([payment], atBlock);
    return spent === true;
  }

  /** Why a payment whose authorization is unused failed; null where it may go through once its approval is on chain. */
  private async verdict(payment: Payment, text: string): Promise<Verdict | null> {
    const meaning = revertMeaning(text, payment.method);
    const detail = revertDetail('Mined and reverted: ', text);
    if (meaning.kind === 'not_moved') {
      const standing = await this.chain.standing(payment.asset, payment.payer);
      const hindrance = hindranceOf(payment, standing, text);
      if (hindrance.kind === 'approval') return null;
      return { reason: hindrance.reason, detail, authorizationSpent: false };
    }
    const reason = meaning.kind === 'refused' ? meaning.reason : 'invalid_exact_evm_transaction_failed';
    return { reason, detail, authorizationSpent: false };
  }
}

/** Where a payment by Permit2 landed, whose transaction carries nothing else; null for others. */
function permitLanding({ receipt, block }: Mined, payment: Payment): Landing | null {
  const use = payment.method === 'permit2' ? useIn(receipt, payment) : null;
  return use === null ? null : { transaction: use.transaction, block, logIndex: use.logIndex };
}

const nothingLanded: Landed = { landings: new Map(), unusedAlone: false };

function placeOf({ transaction, logIndex }: AuthorizationLog): string {
  return `${transaction}/${logIndex}`;
}

function spentVerdict({ method }: Payment, text: string): Verdict {
  return {
    reason: method === 'permit2' ? 'permit2_invalid_nonce' : 'invalid_exact_evm_nonce_already_used',
    detail: revertDetail('Mined and reverted: ', text),
    authorizationSpent: true,
  };
}
