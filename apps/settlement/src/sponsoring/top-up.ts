import type { PaymentId } from '@quittance/protocol';

import type { Hex } from '../payment/payment.js';

/** Wei that a payer is given for the gas of an approval. */
export type TopUp = { readonly paymentId: PaymentId; readonly account: Hex; readonly wei: bigint };

/** What receiving wei may use: nothing beside the transaction's own 21,000, but where the account's code takes it. */
export const topUpGasMax = 100_000n;
