import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';

import { EndpointWatch } from './endpoint-watch.loop.js';
import type { SettlementChain } from './settlement-chain.js';

describe('a watch over endpoints', () => {
  it('tells once that one is down, by its place and never its URL, and once that it is back', () => {
    let healthy = true;
    const logged: object[] = [];
    const write = (level: string) => (fields: object) => void logged.push({ level, ...fields });
    const watch = new EndpointWatch({
      chain: {
        network: { chainId: 'eip155:1' as ChainId } as SettlementChain['network'],
        endpointsHealth: () => [
          { index: 0, healthy: true, height: 1n, lagging: false },
          { index: 1, healthy, height: null, lagging: false },
        ],
      },
      log: { info: write('info'), warn: write('warn'), error: write('error') },
    });
    for (const now of [true, false, false, true, true]) {
      healthy = now;
      watch.step();
    }
    const fields = { alarm: 'rpc_endpoint_down', chainId: 'eip155:1', endpoint: 1 };
    expect(logged).toEqual([
      { level: 'error', ...fields },
      { level: 'info', ...fields, over: true },
    ]);
  });
});
