import { createEvent, type EventOf, type GasSpent } from '@quittance/events';
import { parseChainId } from '@quittance/money';
import type { Hex } from 'viem';

import { type Accepted, hashOf, partiesOf, stamp } from './stack.fixture.js';

/** What the settlement service says besides submitted, confirmed and failed. */
const chainId = parseChainId('eip155:84532');
const relayer = `0x${'f3'.repeat(20)}`;

export const blockOf = (number: string) => ({ number, hash: hashOf('b1'), time: '1' });

export const gasOf = (attempt: number, outcome: GasSpent['outcome']) => ({
  attempt,
  relayer,
  outcome,
  gasUsed: '50000',
  gasPrice: '2',
  l1Fee: '0',
  fee: '100000',
});

export function replacedEvent(
  event: Accepted,
  change: { readonly transaction: Hex; readonly replaces: Hex; readonly version?: number },
): EventOf<'settlement.replaced'> {
  return createEvent({
    ...stamp('settlement.replaced'),
    data: { ...partiesOf(event), attempt: 1, version: 2, gasPriceMax: '3', gasReserve: '4', ...change },
  });
}

export function releasedEvent(
  event: Accepted,
  transaction: Hex,
  cause: 'displaced' | 'missed' | 'reverted' = 'missed',
): EventOf<'settlement.released'> {
  const mined = cause !== 'displaced';
  return createEvent({
    ...stamp('settlement.released'),
    data: {
      ...partiesOf(event),
      attempt: 1,
      cause,
      transaction,
      block: mined ? blockOf('4') : null,
      gas: mined ? gasOf(1, 'missed') : null,
    },
  });
}

export function reorgedEvent(
  event: Accepted,
  takesBack: string,
  transaction: Hex,
): EventOf<'settlement.reorged'> {
  return createEvent({
    ...stamp('settlement.reorged'),
    data: { ...partiesOf(event), takesBack, transaction, block: blockOf('5') },
  });
}

export function finalizedEvent(number: string): EventOf<'settlement.finalized'> {
  return createEvent({ ...stamp('settlement.finalized'), data: { chainId, block: blockOf(number) } });
}

export function suspendedEvent(occurredAt = new Date()): EventOf<'settlement.suspended'> {
  return createEvent({
    ...stamp('settlement.suspended'),
    occurredAt,
    data: { chainId, reason: 'relayers_unfunded', detail: 'none holds enough' },
  });
}

export function resumedEvent(occurredAt = new Date()): EventOf<'settlement.resumed'> {
  return createEvent({ ...stamp('settlement.resumed'), occurredAt, data: { chainId } });
}
