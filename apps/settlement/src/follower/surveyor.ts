import type { OutstandingBatch } from '../batch/batch.js';
import type {
  AuthorizationLog,
  ChainBlock,
  ChainReceipt,
  SettlementChain,
} from '../chain/settlement-chain.js';
import type { Finding } from '../payment/finding.js';
import type { EndedBatch } from './batch-end.js';
import { BatchSurvey, type StoredBatches } from './batch-survey.js';
import { DisplacementWatch } from './displacement.js';
import { ChainSurvey } from './survey.js';

/** What was found out, with how many batches are still on their way. */
export type Surveyed = {
  readonly ended: readonly EndedBatch[];
  readonly findings: readonly Finding[];
  readonly left: number;
};

export type ReadBlocks = {
  readonly logs: readonly AuthorizationLog[];
  readonly lastBlock: ChainBlock;
  /** Receipts that are at hand, of whichever transactions of ours. */
  readonly receipts: readonly ChainReceipt[];
  readonly outstanding: readonly OutstandingBatch[];
  /** The newest block that is confirmed: only there are nonces asked for, as not every node keeps old states. */
  readonly confirmed: bigint;
};

export type SurveyorOptions = { readonly chain: SettlementChain; readonly stored: StoredBatches };

export type Reviewed = Pick<ReadBlocks, 'outstanding' | 'confirmed'> & {
  /** Batches that were taken for displaced not long ago. */
  readonly displaced: readonly OutstandingBatch[];
};

/** Finds out what became of payments and batches, and remembers between looks what one look cannot decide. */
export class Surveyor {
  private readonly displacement = new DisplacementWatch();

  constructor(private readonly options: SurveyorOptions) {}

  /** What blocks say of which the logs are at hand. */
  async blocks({ logs, lastBlock, receipts, outstanding, confirmed }: ReadBlocks): Promise<Surveyed> {
    const { chain, stored } = this.options;
    const survey = new BatchSurvey(chain, stored, { blocks: [lastBlock], receipts });
    const [matched, batches] = await Promise.all([
      stored.match(logs),
      stored.batchesWith([...new Set(logs.map(({ transaction }) => transaction))]),
    ]);
    const inLogs = new Set(matched.map(({ batchId }) => batchId));
    const silent = outstanding.filter(({ batchId }) => !inLogs.has(batchId));
    const [landed, others, late] = await Promise.all([
      survey.landed({ matched, batches }, confirmed),
      new ChainSurvey(chain, [lastBlock]).landed(matched.filter(({ batchId }) => batchId === null)),
      lastBlock.number === confirmed ? this.late(survey, silent, confirmed) : [],
    ]);
    const ended = [...landed, ...late];
    return { ended, findings: others, left: outstanding.length - ended.length };
  }

  /** What became of batches without a new block to show it. */
  async review({ outstanding, displaced, confirmed }: Reviewed): Promise<Surveyed> {
    const survey = new BatchSurvey(this.options.chain, this.options.stored);
    const [late, minedAfterAll] = await Promise.all([
      this.late(survey, outstanding, confirmed),
      survey.minedAmong(displaced, confirmed),
    ]);
    const back = await survey.ended(minedAfterAll, { confirmed, isLost: () => false });
    return { ended: [...late, ...back], findings: [], left: outstanding.length - late.length };
  }

  private async late(
    survey: BatchSurvey,
    outstanding: readonly OutstandingBatch[],
    confirmed: bigint,
  ): Promise<EndedBatch[]> {
    const nowMs = performance.now();
    const usedUp = await survey.usedUp(outstanding, confirmed);
    const missing = usedUp.filter(({ receipt }) => receipt === null).map(({ batch }) => batch.batchId);
    const lost = this.displacement.certain(missing, nowMs);
    return survey.ended(usedUp, { confirmed, isLost: (batchId) => lost.has(batchId) });
  }
}
