import { z } from 'zod';

import { chainIdField } from '../fields.js';

/** A chain that was suspended settles again. */
export const settlementResumedData = z.object({ chainId: chainIdField }).strict();
