-- The order in which the books are sealed. Each transaction of the books gets one dense position once it is committed,
-- and its leaf in a Merkle tree (RFC 6962); a seal says how large the tree was and what its root.
--
-- What was known at a moment: the transactions whose position is below the size of the last seal with
-- `sealed_at <= moment`. A moment after the last seal is not decided yet: a seal may still come that is before it.
-- Times are whole milliseconds and strictly rising with the size, so that a seal's own time, told to anybody at
-- millisecond precision and asked for again, means this very seal.

CREATE TABLE ledger.leaf (
  position       bigint PRIMARY KEY CHECK (position >= 0),
  transaction_id bigint NOT NULL CONSTRAINT leaf_transaction_key UNIQUE,
  hash           bytea  NOT NULL CONSTRAINT leaf_hash_sha256 CHECK (octet_length(hash) = 32)
);

CREATE TABLE ledger.seal (
  -- Leaves once this was sealed.
  size           bigint         PRIMARY KEY,
  -- Its first leaf: the size of the seal before.
  first_position bigint         NOT NULL CONSTRAINT seal_first_position_key UNIQUE CHECK (first_position >= 0),
  root           bytea          NOT NULL CONSTRAINT seal_root_sha256 CHECK (octet_length(root) = 32),
  sealed_at      timestamptz(3) NOT NULL CONSTRAINT seal_sealed_at_key UNIQUE,
  CONSTRAINT seal_not_empty CHECK (first_position < size)
);

CREATE TRIGGER leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.leaf
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.seal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.leaf, ledger.seal TO quittance_ledger;
