import { findEnd } from '../chain/log-search.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Finding } from '../payment/finding.js';
import type { Outcome } from '../payment/outcome.js';
import type { OutcomeRepository } from '../payment/outcome.repository.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import type { FollowerRepository } from './follower.repository.js';
import type { OpenPermitRepository } from './open-permit.repository.js';
import { ChainSurvey } from './survey.js';

export type OpenPermitsOptions = {
  readonly chain: SettlementChain;
  readonly follower: Pick<FollowerRepository, 'cursor' | 'match' | 'takenFrom'>;
  readonly payments: Pick<OpenPermitRepository, 'open' | 'close'>;
  readonly outcomes: Pick<OutcomeRepository, 'apply'>;
  readonly log: Log;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
};

const intervalMs = 2_000;
/** Payments looked at in one step. */
const readMax = 100;
/** After a payment's time: reorganizations that could still put an earlier block in its place are over by then. */
const graceSeconds = 600n;

type Look = { readonly landed: readonly Finding[]; readonly isOver: boolean };

/**
 * Looks whether somebody else lands a payment that we have given up. A token writes a log of each authorization that it
 * takes, which is how others' transactions are followed; Permit2 writes none, so that it is asked.
 */
export class OpenPermits {
  private readonly loop: WakeableLoop;

  constructor(private readonly options: OpenPermitsOptions) {
    const name = `open permits ${options.chain.network.chainId}`;
    this.loop = new WakeableLoop({ name, log: options.log, step: () => this.step() });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** Looks once, as of the last applied block: what is found in a later one could not be taken back. */
  async step(): Promise<number> {
    const { chain, follower, payments, outcomes, onOutcomes } = this.options;
    const { chainId } = chain.network;
    const open = await payments.open(chainId, readMax);
    const cursor = open.length === 0 ? null : await follower.cursor(chainId);
    if (cursor === null) return intervalMs;
    const [spent, block] = await Promise.all([
      chain.spentOf(open, cursor.number),
      chain.block(cursor.number),
    ]);
    if (block === null || block.hash !== cursor.hash) return intervalMs;
    const looks = await Promise.all(
      open.map((payment, index) => this.look(payment, { spent: spent[index] === true, ...block })),
    );
    const changed = await outcomes.apply(looks.flatMap(({ landed }) => landed));
    if (changed.length > 0) onOutcomes(changed);
    await payments.close(
      open.flatMap(({ paymentId }, index) => (looks[index]?.isOver === true ? [paymentId] : [])),
    );
    return intervalMs;
  }

  private async look(
    payment: QueuedPayment,
    at: { readonly spent: boolean; readonly number: bigint; readonly time: bigint },
  ): Promise<Look> {
    const { chain, follower } = this.options;
    const isPast = at.time > payment.validBefore + graceSeconds;
    if (!at.spent) return { landed: [], isOver: isPast };
    const { acceptedSeconds } = payment;
    const isTaken = follower.takenFrom(payment);
    const end = await findEnd(chain, payment, { head: at.number, acceptedSeconds, isTaken });
    if (end === null || end === 'unknown') return { landed: [], isOver: isPast };
    if (end.how === 'cancelled') return { landed: [], isOver: true };
    const matched = await follower.match(chain.network.chainId, [end.log]);
    return { landed: await new ChainSurvey(chain).landed(matched), isOver: false };
  }
}
