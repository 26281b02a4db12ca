import {
  type PaymentRequest,
  readEip2612GasSponsoring,
  readErc20ApprovalGasSponsoring,
  type ReadExtension,
} from '@quittance/protocol';

import type { Sponsoring } from './payment.js';

/** What the payer sends for Permit2's allowance. Of both, the permit: it takes no transaction of its own. */
export function readSponsoring(extensions: PaymentRequest['extensions']): ReadExtension<Sponsoring> {
  const permit = readEip2612GasSponsoring(extensions);
  if (!permit.ok) return permit;
  if (permit.info !== null) return { ok: true, info: { kind: 'eip2612', ...permit.info } };
  const approval = readErc20ApprovalGasSponsoring(extensions);
  if (!approval.ok) return approval;
  if (approval.info !== null) return { ok: true, info: { kind: 'erc20_approval', ...approval.info } };
  return { ok: true, info: null };
}
