import type { ChainReader } from './chain-reader.js';
import type { Finding } from './finding.js';
import type { BookedBalance } from './own-wallet.repository.js';

export type BalanceProof = {
  readonly equal: number;
  readonly findings: readonly Finding[];
  readonly subjects: readonly string[];
};

/** What people ended stays ended: what differs after that is another break, and has a name of its own. */
const subjectOf = ({ address, asset, settled }: BookedBalance): string =>
  [`balance/${address}/${asset}`, ...(settled === 0 ? [] : [String(settled)])].join('/');

/**
 * Compares what each wallet of ours holds after a block with what the books say. What other breaks say that the chain has
 * more is no break of its own, unless a journal booked it and the break does not name it.
 */
export async function proveBalances(
  reader: Pick<ChainReader, 'balance'>,
  booked: readonly BookedBalance[],
  block: { readonly number: bigint; readonly hash: string },
): Promise<BalanceProof> {
  const held = await Promise.all(
    booked.map(async ({ asset, address }) => reader.balance(asset, address, block.number)),
  );
  const findings = booked.flatMap((wallet, index): Finding[] => {
    const onChain = held[index] ?? 0n;
    const excess = onChain - wallet.booked - wallet.explained;
    if (excess === 0n) return [];
    const known = wallet.explained === 0n ? '' : `, of which other breaks explain ${wallet.explained}`;
    return [
      {
        type: 'balance',
        subject: subjectOf(wallet),
        block: block.number,
        blockHash: block.hash,
        transaction: null,
        asset: wallet.asset,
        value: excess < 0n ? -excess : excess,
        detail: `After block ${block.number} ${wallet.use} ${wallet.address} holds ${onChain} of ${wallet.asset}, and the books say ${wallet.booked}${known}.`,
        paymentId: null,
        transactionId: null,
        wallet: wallet.address,
        effect: excess,
      },
    ];
  });
  return { equal: booked.length - findings.length, findings, subjects: booked.map(subjectOf) };
}
