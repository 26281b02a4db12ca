-- What relayers give payers for the gas of their approvals: an expense beside the fee of the transaction that gives it.

CREATE OR REPLACE FUNCTION ledger.account_class(code text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
  WHEN length(split_part(code, ':', 3 + (code LIKE 'G:%')::integer)) NOT BETWEEN 3 AND 8
    OR length(split_part(code, ':', 4 + (code LIKE 'G:%')::integer)) NOT BETWEEN 1 AND 32                THEN NULL
  WHEN code ~ '^F:(payer|merchant):[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 5)) = 42                                                             THEN 'memo'
  WHEN code ~ '^F:(transit|authorized):[-a-z0-9]+:[-_a-zA-Z0-9]+$'                                       THEN 'memo'
  WHEN code ~ '^G:wallet:relayer:[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 6)) = 42                                                             THEN 'asset'
  WHEN code ~ '^G:transit:gas:[-a-z0-9]+:[-_a-zA-Z0-9]+$'                                                THEN 'asset'
  WHEN code ~ '^G:expense:gas:[-a-z0-9]+:[-_a-zA-Z0-9]+:(ok|reverted|missed|filler|topup|given)$'        THEN 'expense'
END;

ALTER TABLE ledger.filler
  ADD COLUMN given numeric(78, 0) NOT NULL DEFAULT 0 CONSTRAINT filler_given CHECK (given >= 0);
GRANT INSERT (given) ON ledger.filler TO quittance_ledger;
