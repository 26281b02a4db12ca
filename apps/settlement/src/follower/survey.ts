import type { OutstandingAttempt } from '../attempt/attempt.js';
import { revertDetail, revertMeaning } from '../attempt/revert.js';
import { ChainInconsistentError } from '../chain/chain-inconsistent.error.js';
import { blockAt, findSpendingLog, landingOf, logsOf } from '../chain/log-search.js';
import type { AuthorizationLog, ChainReceipt, SettlementChain } from '../chain/settlement-chain.js';
import type { Cost, Finding } from '../payment/finding.js';
import type { PaymentId } from '@quittance/protocol';

/** A log that belongs to one of our payments; `attempt` when its transaction is one of ours. */
export type MatchedLog = {
  readonly log: AuthorizationLog;
  readonly paymentId: PaymentId;
  readonly attempt: number | null;
};

type Mined = { readonly receipt: ChainReceipt; readonly text: string; readonly spent: boolean };

/** One look at a chain: reads what is needed to tell what became of payments, each block once. */
export class ChainSurvey {
  private readonly blocks = new Map<bigint, ReturnType<SettlementChain['block']>>();
  /** Attempts that reverted because somebody spent the authorization, too long ago to find out who. */
  readonly undecided: OutstandingAttempt[] = [];
  private readonly reader: Pick<SettlementChain, 'network' | 'block'>;

  constructor(private readonly chain: SettlementChain) {
    this.reader = {
      network: chain.network,
      block: (number) => {
        const known = this.blocks.get(number) ?? chain.block(number);
        this.blocks.set(number, known);
        return known;
      },
    };
  }

  /** What each matched log means for its payment. */
  landed(matched: readonly MatchedLog[]): Promise<Finding[]> {
    return Promise.all(matched.map((match) => this.landing(match)));
  }

  /**
   * What became of attempts that left no log up to the confirmed block `confirmed`: those whose nonce is used there were
   * mined and reverted, or another transaction took the nonce. The others are still on their way.
   */
  async unlanded(outstanding: readonly OutstandingAttempt[], confirmed: bigint): Promise<Finding[]> {
    const relayers = [...new Set(outstanding.map(({ relayer }) => relayer))];
    const counts = new Map(
      await Promise.all(
        relayers.map(
          async (relayer) => [relayer, await this.chain.transactionCount(relayer, confirmed)] as const,
        ),
      ),
    );
    const over = outstanding.filter(({ relayer, nonce }) => nonce < (counts.get(relayer) ?? 0n));
    return (await Promise.all(over.map((attempt) => this.afterItsNonce(attempt, confirmed)))).flat();
  }

  private async landing({ log, paymentId, attempt }: MatchedLog): Promise<Finding> {
    const [landing, cost] = await Promise.all([
      landingOf(this.reader, log),
      attempt === null ? null : this.minedCost(log),
    ]);
    return {
      type: 'landed',
      paymentId,
      landing,
      own: attempt === null || cost === null ? null : { attempt, cost },
    };
  }

  private async minedCost({ transaction }: AuthorizationLog): Promise<Cost> {
    const receipt = await this.chain.receipt(transaction);
    if (receipt === null) {
      throw new ChainInconsistentError(
        this.chain.network.chainId,
        `there is a log of ${transaction} but no receipt`,
      );
    }
    return costOf(receipt);
  }

  private async afterItsNonce(attempt: OutstandingAttempt, confirmed: bigint): Promise<Finding[]> {
    const receipt = await this.chain.receipt(attempt.hash);
    if (receipt === null) return [{ type: 'displaced', paymentId: attempt.paymentId, attempt: attempt.n }];
    if (receipt.blockNumber > confirmed) return [];
    return receipt.status === 'success'
      ? this.minedWell(attempt, receipt)
      : this.minedReverted(attempt, receipt, confirmed);
  }

  private async minedWell(attempt: OutstandingAttempt, receipt: ChainReceipt): Promise<Finding[]> {
    const { payment, paymentId, n } = attempt;
    const block = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
    const logs = await logsOf(this.chain, block, { authorizer: payment.payer, nonce: payment.nonce });
    const log = logs.find(
      ({ asset, transaction }) => asset === payment.asset && transaction === attempt.hash,
    );
    if (log !== undefined) {
      const landing = await landingOf(this.reader, log);
      return [{ type: 'landed', paymentId, landing, own: { attempt: n, cost: costOf(receipt) } }];
    }
    // A token that neither reverts nor uses the authorization has not moved the money either.
    return [
      await this.reverted(attempt, {
        receipt,
        text: 'the token wrote no AuthorizationUsed log',
        spent: false,
      }),
    ];
  }

  private async minedReverted(
    attempt: OutstandingAttempt,
    receipt: ChainReceipt,
    confirmed: bigint,
  ): Promise<Finding[]> {
    const { payment, paymentId, acceptedSeconds } = attempt;
    const text = await this.chain.revertReason(attempt.hash);
    // Replayed on the parent block, the transfer may look fine where another transaction of the same block spent the nonce.
    const maybeSpent = text === '' || revertMeaning(text).kind === 'spent';
    if (!maybeSpent) return [await this.reverted(attempt, { receipt, text, spent: false })];
    const log = await findSpendingLog(this.chain, payment, { head: confirmed, acceptedSeconds });
    if (log !== null && log !== 'unknown') {
      const byOther: Finding = {
        type: 'landed',
        paymentId,
        landing: await landingOf(this.reader, log),
        own: null,
      };
      return [byOther, await this.reverted(attempt, { receipt, text, spent: true })];
    }
    const spent = await this.chain.authorizationState(payment.asset, payment.payer, payment.nonce);
    if (spent && log === 'unknown') {
      this.undecided.push(attempt);
      return [];
    }
    return [await this.reverted(attempt, { receipt, text, spent })];
  }

  private async reverted(attempt: OutstandingAttempt, { receipt, text, spent }: Mined): Promise<Finding> {
    const meaning = revertMeaning(text);
    const reason = meaning.kind === 'refused' ? meaning.reason : 'invalid_exact_evm_transaction_failed';
    return {
      type: 'reverted',
      paymentId: attempt.paymentId,
      attempt: attempt.n,
      transaction: attempt.hash,
      block: await blockAt(this.reader, receipt.blockNumber, receipt.blockHash),
      cost: costOf(receipt),
      reason: spent ? 'invalid_exact_evm_nonce_already_used' : reason,
      detail: revertDetail('Mined and reverted: ', text),
      authorizationSpent: spent,
    };
  }
}

function costOf({ blockNumber, gasUsed, gasPrice, fee }: ChainReceipt): Cost {
  return { blockNumber, gasUsed, gasPrice, fee };
}
