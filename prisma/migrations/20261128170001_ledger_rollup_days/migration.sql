-- Which small blocks of a large one hold something of a day: a statement opens those only, and asks for them in one range
-- instead of once for each block.
CREATE INDEX head_rollup_small_days ON ledger.head_rollup (starts_at, head, layer, block) INCLUDE (debits, credits)
  WHERE level = 0 AND span = 'day';
