import { lengthMax } from '@quittance/protocol';
import { z } from 'zod';

import { chainIdField } from '../fields.js';

/** Nothing new can be settled on a chain for now: it must not be offered. What was accepted is kept and settled later. */
export const settlementSuspendedData = z
  .object({
    chainId: chainIdField,
    reason: z.enum(['relayers_unfunded', 'gas_price_above_cap']),
    detail: z.string().check(lengthMax(500)).describe('For operators.'),
  })
  .strict();
