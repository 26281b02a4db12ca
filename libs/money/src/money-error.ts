export type MoneyErrorCode =
  | 'amount_not_decimal'
  | 'amount_out_of_range'
  | 'asset_id_malformed'
  | 'chain_id_malformed'
  | 'precision_lost'
  | 'weights_unusable';

/** A value that is not money, a chain or an asset. `code` is stable; the message says what was expected. */
export class MoneyError extends Error {
  override readonly name = 'MoneyError';

  constructor(
    readonly code: MoneyErrorCode,
    message: string,
  ) {
    super(message);
  }
}
