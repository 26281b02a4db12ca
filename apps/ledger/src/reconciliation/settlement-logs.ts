import type { ChainId } from '@quittance/money';
import { erc20AssetId } from '@quittance/money';

import { type ChainMovement, logPart, type Parties, type Place } from './movement.js';

/** The parts of a receipt that tell what it moved. */
export type MovingReceipt = {
  readonly transaction: string;
  readonly blockNumber: bigint;
  readonly blockHash: string;
  readonly transfers: readonly TokenTransfer[];
  readonly authorizationsUsed: readonly {
    readonly asset: string;
    readonly authorizer: string;
    readonly nonce: string;
    readonly logIndex: number;
  }[];
  readonly settledPermit: boolean;
};

export type TokenTransfer = {
  readonly transaction: string;
  readonly blockNumber: bigint;
  readonly blockHash: string;
  readonly logIndex: number;
  readonly asset: string;
  readonly from: string;
  readonly to: string;
  readonly value: bigint;
};

type Found = Pick<ChainMovement, 'place' | 'nonce'> & Parties;
export type ReceiptMovements = {
  /** Each under the log that a settlement is known by. */
  readonly settlements: readonly Found[];
  /** Transfers that belong to no settlement. */
  readonly others: readonly Found[];
};

/**
 * What a transaction moved. By EIP-3009 a payment is known by the log of its authorization, and what it moved by the
 * token's next transfer from the payer; by Permit2 it is known by the transfer itself.
 */
export function movementsOf(chainId: ChainId, receipt: MovingReceipt): ReceiptMovements {
  const left = [...receipt.transfers].sort((a, b) => a.logIndex - b.logIndex);
  const used = [...receipt.authorizationsUsed].sort((a, b) => a.logIndex - b.logIndex);
  const settlements = used.map(({ asset, authorizer, nonce, logIndex }): Found => {
    const index = left.findIndex(
      (transfer) => transfer.asset === asset && transfer.from === authorizer && transfer.logIndex > logIndex,
    );
    const [transfer] = index < 0 ? [] : left.splice(index, 1);
    const place = placeIn(receipt, logIndex);
    // A token that took the authorization and moved nothing, as far as it says.
    const parties = { from: authorizer, to: transfer?.to ?? authorizer, amount: transfer?.value ?? 0n };
    return { place, nonce, asset: erc20AssetId(chainId, asset), ...parties };
  });
  const others = left.map((transfer) => transferMovement(chainId, transfer));
  return receipt.settledPermit
    ? { settlements: [...settlements, ...others], others: [] }
    : { settlements, others };
}

/** A transfer by itself. */
export function transferMovement(chainId: ChainId, transfer: TokenTransfer): Found {
  const { logIndex, asset, from, to, value } = transfer;
  const place = placeIn(transfer, logIndex);
  return { place, nonce: null, asset: erc20AssetId(chainId, asset), from, to, amount: value };
}

function placeIn(
  at: Pick<MovingReceipt, 'transaction' | 'blockNumber' | 'blockHash'>,
  logIndex: number,
): Place {
  const { transaction, blockNumber: block, blockHash } = at;
  return { block, blockHash, transaction, part: logPart(logIndex) };
}
