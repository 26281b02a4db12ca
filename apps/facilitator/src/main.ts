import { runService } from '@quittance/observability';

import { createParts } from './app.module.js';
import { parseConfig } from './config.js';
import { startService } from './service.js';

await runService({
  service: 'facilitator',
  parseConfig,
  start: (config, logger, giveUp) => startService(createParts(config, logger, giveUp)),
  facts: ({ networks }) => ({ chains: networks.map(({ chainId }) => chainId) }),
});
