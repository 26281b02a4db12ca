import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { SettlementChain } from './settlement-chain.js';

export type EndpointWatchOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'endpointsHealth'>;
  readonly log: Log;
};

const intervalMs = 5_000;

/** Tells when one of a chain's endpoints is not asked any more: the others hide that. */
export class EndpointWatch {
  private readonly loop: WakeableLoop;
  private readonly down = new Set<number>();

  constructor(private readonly options: EndpointWatchOptions) {
    const name = `endpoints ${options.chain.network.chainId}`;
    this.loop = new WakeableLoop({ name, log: options.log, step: async () => this.step() });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  step(): number {
    const { chain, log } = this.options;
    const { chainId } = chain.network;
    for (const { index: endpoint, healthy } of chain.endpointsHealth()) {
      const fields = { alarm: 'rpc_endpoint_down', chainId, endpoint };
      if (!healthy && !this.down.has(endpoint)) {
        this.down.add(endpoint);
        log.error(fields, 'an RPC endpoint does not answer; others are asked, where there are any');
      }
      if (healthy && this.down.delete(endpoint)) {
        log.info({ ...fields, over: true }, 'an RPC endpoint answers again');
      }
    }
    return intervalMs;
  }
}
