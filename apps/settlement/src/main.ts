import { runService } from '@quittance/observability';

import { parseConfig } from './config.js';
import { startService } from './service.js';

await runService({
  service: 'settlement',
  parseConfig,
  start: startService,
  facts: ({ networks, relayers }) => ({
    relayers: relayers.map(({ address }) => address),
    chains: networks.map(({ chainId }) => chainId),
  }),
});
