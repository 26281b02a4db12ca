import { z } from 'zod';

import { blockField, chainIdField } from '../fields.js';

/** Everything up to a block is final by the chain's own rules: what was confirmed there is never taken back. */
export const settlementFinalizedData = z.object({ chainId: chainIdField, block: blockField }).strict();
