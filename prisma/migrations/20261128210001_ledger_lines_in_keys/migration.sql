-- A statement page looks up the place and the amount of a hundred lines that lie far apart. The keys by which it finds them tell
-- both: two of five pages that it opened for each line are not opened any more.
CREATE INDEX entry_account_lines ON ledger.entry (account_id, transaction_id, line) INCLUDE (layer, amount);
DROP INDEX ledger.entry_account;
ALTER INDEX ledger.entry_account_lines RENAME TO entry_account;

ALTER TABLE ledger.leaf
  DROP CONSTRAINT leaf_transaction_key,
  ADD CONSTRAINT leaf_transaction_key UNIQUE (transaction_id) INCLUDE (position);
