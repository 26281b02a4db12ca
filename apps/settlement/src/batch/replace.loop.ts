import { crashPoint } from '@quittance/observability';
import { parseTransaction } from 'viem';

import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';
import { LeaseLostError } from '../relayer/lease-lost.error.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { Leases } from '../relayer/lease.loop.js';
import type { BatchId } from './batch.js';
import type { FeeBook } from './fee-book.js';
import { type Replacement, replacementOf } from './replacement.js';
import type { LateBatch, ReplaceRepository } from './replace.repository.js';
import type { Bytes } from './resend.repository.js';
import { type Errand, signErrand } from './signer.js';

export type ReplacerOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'transactionCountMax'>;
  readonly leases: Pick<Leases, 'held' | 'forget'>;
  readonly fees: FeeBook;
  readonly repository: ReplaceRepository;
  readonly log: Log;
  readonly onReplaced: (transaction: Bytes) => void;
  /** Called once for each batch that is not mined and must not be offered more. */
  readonly onStuck: () => void;
};

const restMs = 250;
const never = 2 ** 31 - 1;
const stuckRememberedMax = 10_000;

type Replace = Extract<Replacement, { readonly kind: 'replace' }>;

/** Offers more for batches that blocks pass over. */
export class Replacer {
  private readonly loop: WakeableLoop;
  private head: bigint | null = null;
  private lookedAt: bigint | null = null;
  private readonly stuck = new Set<BatchId>();

  constructor(private readonly options: ReplacerOptions) {
    this.loop = new WakeableLoop({
      name: `replace ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.step(),
    });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  noteHead(head: bigint): void {
    if (head === this.head) return;
    this.head = head;
    this.loop.wake();
  }

  /** Looks once a block. */
  async step(): Promise<number> {
    const { head } = this;
    if (head === null || head === this.lookedAt) return never;
    const { chain, leases, repository } = this.options;
    const { chainId, replaceAfterBlocks } = chain.network;
    const signers = new Map(leases.held().map((signer) => [signer.relayer.address, signer]));
    const late =
      signers.size === 0
        ? []
        : await repository.late(chainId, [...signers.keys()], head - BigInt(replaceAfterBlocks));
    if (late.length > 0) await this.replaceAll(late, signers, head);
    this.lookedAt = head;
    return restMs;
  }

  private async replaceAll(
    late: readonly LateBatch[],
    signers: ReadonlyMap<Hex, LeasedRelayer>,
    head: bigint,
  ): Promise<void> {
    const { chain, fees: book } = this.options;
    const relayers = [...new Set(late.map(({ relayer }) => relayer))];
    const [fees, ...counts] = await Promise.all([
      book.uncapped(),
      ...relayers.map(async (relayer) => [relayer, await chain.transactionCountMax(relayer)] as const),
    ]);
    const countOf = new Map(counts);
    for (const batch of late) {
      const signer = signers.get(batch.relayer);
      const count = countOf.get(batch.relayer) ?? 0n;
      // One that is in a block and waits for its depth has nothing to hurry for.
      if (signer === undefined || batch.nonce < count) continue;
      const decision = replacementOf(
        { ...batch, isNext: batch.nonce === count },
        { ...chain.network, head, fees },
      );
      if (decision.kind === 'replace') await this.replace(batch, { signer, head, decision });
      if (decision.kind === 'stuck') this.alarm(batch, decision.why);
    }
  }

  private async replace(
    batch: LateBatch,
    { signer, head, decision }: { signer: LeasedRelayer; head: bigint; decision: Replace },
  ): Promise<void> {
    const { repository, leases, log, onReplaced } = this.options;
    const { errand, isLegacy } = errandIn(batch.raw);
    const { maxFeePerGas } = decision.fees;
    // A version is of the kind of those before it, though the chain may have changed what it takes.
    const fees = isLegacy
      ? { ...decision.fees, type: 'legacy' as const, maxPriorityFeePerGas: maxFeePerGas }
      : { ...decision.fees, type: 'eip1559' as const };
    const transaction = signErrand(signer.relayer, batch, { errand, fees, version: batch.version + 1 });
    try {
      if (!(await repository.replace({ batch, signer, transaction, head }))) return;
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error;
      leases.forget(signer);
      return;
    }
    crashPoint('settlement.replaced-stored');
    log.info(
      {
        chainId: batch.chainId,
        relayer: batch.relayer,
        nonce: batch.nonce.toString(),
        transaction: transaction.hash,
      },
      'a transaction was replaced by one that offers more',
    );
    onReplaced(transaction);
  }

  private alarm(batch: LateBatch, why: string): void {
    if (this.stuck.has(batch.batchId)) return;
    if (this.stuck.size >= stuckRememberedMax) this.stuck.clear();
    this.stuck.add(batch.batchId);
    const { chainId, relayer, nonce, hash, version } = batch;
    this.options.log.error(
      {
        alarm: 'replacement_limit',
        chainId,
        relayer,
        nonce: nonce.toString(),
        transaction: hash,
        version,
        why,
      },
      'a transaction is not mined and cannot be replaced by one that offers more',
    );
    this.options.onStuck();
  }
}

/** What a stored transaction does. */
function errandIn(raw: Hex): { readonly errand: Errand; readonly isLegacy: boolean } {
  const { to, data, gas, value, type } = parseTransaction(raw);
  if (to == null || gas === undefined)
    throw new TypeError('a stored transaction has no receiver or no gas limit');
  return { errand: { to, data: data ?? '0x', gas, value: value ?? 0n }, isLegacy: type === 'legacy' };
}
