import type { EventOf } from '@quittance/events';
import type { Sponsoring } from '@quittance/exact-evm';
import { parseAtomicAmount } from '@quittance/money';

/** As events carry it, and the database keeps it: numbers as text. */
export type SponsoringText = NonNullable<EventOf<'payment.accepted'>['data']['sponsoring']>;

export function sponsoringOf(text: SponsoringText): Sponsoring {
  const amount = parseAtomicAmount(text.amount);
  if (text.kind === 'erc20_approval') return { ...text, amount };
  return { ...text, amount, nonce: BigInt(text.nonce), deadline: BigInt(text.deadline) };
}
