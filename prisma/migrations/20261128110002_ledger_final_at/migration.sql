-- When the last final block of a chain became final: what leaves the chain after that was never to leave it.

ALTER TABLE ledger.chain ADD COLUMN final_at timestamptz;
GRANT UPDATE (final_at) ON ledger.chain TO quittance_ledger;
