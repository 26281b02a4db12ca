-- Permit2 names no payment where it moves money, so that a transfer could be taken for that of several: it pays one.
CREATE UNIQUE INDEX payment_settled_apart ON settlement.payment (chain_id, settled_transaction, settled_log_index)
  WHERE method = 'permit2' AND state = 'confirmed';
