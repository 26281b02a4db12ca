import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { ChainStatusRepository } from './chain-status.repository.js';
import { type Cause, nothingSeen, seeCause, settleViews, untilSettledMs, verdictOf } from './suspension.js';

export type SuspensionOptions = {
  readonly chain: Pick<SettlementChain, 'network'>;
  readonly status: ChainStatusRepository;
  readonly log: Log;
};

/** What was told is compared with what holds this often: another process may have told something else. */
const reviewIntervalMs = 15_000;

/** Tells when one chain cannot settle, and when it can again. */
export class Suspension {
  private readonly loop: WakeableLoop;
  private views = nothingSeen;
  private told: string | null = null;
  private toldAtMs = -Infinity;

  constructor(private readonly options: SuspensionOptions) {
    this.loop = new WakeableLoop({
      name: `suspension ${options.chain.network.chainId}`,
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

  noteGasPrice({ aboveCap }: { readonly aboveCap: boolean }): void {
    this.note('gas_price_above_cap', aboveCap);
  }

  noteFunds({ isFunded }: { readonly isFunded: boolean }): void {
    this.note('relayers_unfunded', !isFunded);
  }

  /** Tells what has to be told; gives the milliseconds until there may be more. */
  async step(): Promise<number> {
    const nowMs = performance.now();
    this.views = settleViews(this.views, nowMs);
    const verdict = verdictOf(this.views);
    const text = verdict.kind === 'suspended' ? verdict.reason : verdict.kind;
    if (verdict.kind !== 'unknown' && (text !== this.told || nowMs - this.toldAtMs >= reviewIntervalMs)) {
      await (verdict.kind === 'suspended' ? this.suspend(verdict.reason) : this.resume());
      this.told = text;
      this.toldAtMs = nowMs;
    }
    return Math.min(untilSettledMs(this.views, performance.now()) ?? reviewIntervalMs, reviewIntervalMs);
  }

  private note(cause: Cause, holds: boolean): void {
    if (this.views[cause].seen === holds) return;
    this.views = seeCause(this.views, cause, { holds, nowMs: performance.now() });
    this.loop.wake();
  }

  private async suspend(reason: Cause): Promise<void> {
    const { chain, status, log } = this.options;
    const { chainId } = chain.network;
    const detail = this.detailOf(reason);
    if (!(await status.suspend(chainId, reason, detail))) return;
    log.error(
      { alarm: reason, chainId, detail },
      'nothing new is settled on the chain, and it is not offered any more; what was accepted waits',
    );
  }

  private async resume(): Promise<void> {
    const { chain, status, log } = this.options;
    const { chainId } = chain.network;
    if (await status.resume(chainId))
      log.info({ alarm: 'chain_resumed', chainId }, 'the chain settles again');
  }

  private detailOf(reason: Cause): string {
    const { gasPriceMaxWei, relayerBalanceMinWei } = this.options.chain.network;
    switch (reason) {
      case 'relayers_unfunded':
        return `No relayer holds ${relayerBalanceMinWei} wei or more.`;
      case 'gas_price_above_cap':
        return `The price of gas is above gasPriceMaxWei, ${gasPriceMaxWei} wei.`;
    }
  }
}
