import type { PaymentId } from '@quittance/protocol';

import type { BatchId } from '../batch/batch.js';
import { landingOf } from '../chain/log-search.js';
import type { AuthorizationLog, ChainBlock, SettlementChain } from '../chain/settlement-chain.js';
import type { Finding } from '../payment/finding.js';

/** A log that uses an authorization of one of our payments, or comes from a transaction of ours. */
export type MatchedLog = {
  readonly log: AuthorizationLog;
  /** The payment whose authorization it is. */
  readonly paymentId: PaymentId | null;
  /** The batch whose transaction wrote it. */
  readonly batchId: BatchId | null;
};

type BlockReader = Pick<SettlementChain, 'network' | 'block'>;

/** Reads each block once. */
export function rememberingBlocks(chain: BlockReader, known: readonly ChainBlock[] = []): BlockReader {
  const blocks = new Map(known.map((block) => [block.number, Promise.resolve<ChainBlock | null>(block)]));
  return {
    network: chain.network,
    block: (number) => {
      const block = blocks.get(number) ?? chain.block(number);
      blocks.set(number, block);
      return block;
    },
  };
}

/** One look at a chain: reads what is needed to tell what became of payments, each block once. */
export class ChainSurvey {
  private readonly reader: BlockReader;

  constructor(chain: BlockReader, known: readonly ChainBlock[] = []) {
    this.reader = rememberingBlocks(chain, known);
  }

  /** What each log means for the payment whose authorization it uses, apart from what it cost us. */
  async landed(matched: readonly MatchedLog[]): Promise<Finding[]> {
    const findings = await Promise.all(
      matched.map(async ({ log, paymentId, batchId }): Promise<Finding | null> => {
        if (paymentId === null) return null;
        const landing = await landingOf(this.reader, log);
        return { type: 'landed', paymentId, landing, by: batchId === null ? 'other' : 'us', own: null };
      }),
    );
    return findings.filter((finding) => finding !== null);
  }
}
