import { runService } from '@quittance/observability';

import { parseConfig } from './config.js';
import { startService } from './service.js';

await runService({ service: 'ledger', parseConfig, start: startService });
