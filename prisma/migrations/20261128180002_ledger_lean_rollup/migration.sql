-- Summing up blocks costs less: the same rows, summed from what is summed already.

CREATE OR REPLACE FUNCTION ledger.roll_up() RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
  done0   bigint;
  done1   bigint;
  lvl     smallint;
  number  bigint;
  first   bigint;
  past    bigint;
  lowest  bigint;
  highest bigint;
  near    bigint;
  grain   interval;
BEGIN
  IF NOT pg_try_advisory_xact_lock(4020, 1301) THEN RETURN NULL; END IF;
  SELECT coalesce(max(block) + 1, 0) INTO done0 FROM ledger.rollup WHERE level = 0;
  SELECT coalesce(max(block) + 1, 0) INTO done1 FROM ledger.rollup WHERE level = 1;
  IF (done1 + 1) * 128 <= done0 THEN
    lvl := 1; number := done1;
  ELSIF (done0 + 1) * ledger.rollup_block_size(0) <= (SELECT max(size) FROM ledger.seal) THEN
    lvl := 0; number := done0;
  ELSE
    RETURN NULL;
  END IF;
  first := number * ledger.rollup_block_size(lvl);
  past := first + ledger.rollup_block_size(lvl);
  -- OFFSET 0: without it the least id is looked for along the index of ids, from the first of all.
  SELECT min(transaction_id), max(transaction_id) INTO lowest, highest
    FROM (SELECT transaction_id FROM ledger.leaf WHERE position >= first AND position < past OFFSET 0) f;
  -- By ten minutes only where sums by ten minutes are made of it.
  grain := CASE lvl WHEN 0 THEN interval '10 minutes' ELSE interval '1 day' END;
  near := greatest(lowest, highest - 4 * ledger.rollup_block_size(lvl));
  INSERT INTO ledger.rollup (level, block, first_transaction, last_transaction) VALUES (lvl, number, lowest, highest);

  WITH line AS MATERIALIZED (
    SELECT l.account_id, l.layer, date_bin(grain, l.effective_at, '2000-01-01 00:00:00+00') AS slot,
           min(l.effective_at) AS first_at, max(l.effective_at) AS last_at,
           count(*) FILTER (WHERE l.amount > 0) AS debits, count(*) FILTER (WHERE l.amount < 0) AS credits,
           coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0) AS debit,
           coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0) AS credit
      FROM (SELECT e.account_id, e.layer, e.amount, t.effective_at
              FROM (SELECT f.transaction_id FROM ledger.leaf f WHERE f.position >= first AND f.position < past) f
              JOIN ledger.transaction t ON t.id = f.transaction_id AND t.id >= near AND t.id <= highest
              JOIN ledger.entry e ON e.transaction_id = t.id AND e.transaction_id >= near AND e.transaction_id <= highest
            UNION ALL
            SELECT e.account_id, e.layer, e.amount, t.effective_at
              FROM ledger.leaf f
             CROSS JOIN LATERAL (SELECT x.effective_at FROM ledger.transaction x WHERE x.id = f.transaction_id OFFSET 0) t
             CROSS JOIN LATERAL (SELECT x.account_id, x.layer, x.amount FROM ledger.entry x
                                  WHERE x.transaction_id = f.transaction_id OFFSET 0) e
             WHERE f.position >= first AND f.position < past AND f.transaction_id < near) l
     GROUP BY 1, 2, 3),
  -- The finest first: all else are sums of few rows.
  slot AS MATERIALIZED (
    SELECT ledger.account_head(a.code) AS head, a.class, a.asset_id, line.layer, line.slot, min(line.first_at) AS first_at,
           max(line.last_at) AS last_at, sum(line.debits) AS debits, sum(line.credits) AS credits, sum(line.debit) AS debit,
           sum(line.credit) AS credit
      FROM line
     CROSS JOIN LATERAL (SELECT x.code, x.class, x.asset_id FROM ledger.account x WHERE x.id = line.account_id OFFSET 0) a
     WHERE lvl = 0
     GROUP BY 1, 2, 3, 4, 5),
  head AS (
    INSERT INTO ledger.head_rollup (level, block, span, starts_at, head, class, asset_id, layer, first_at, last_at,
                                    debits, credits, debit, credit)
    SELECT 0, number, CASE WHEN grouping(h.slot) = 0 THEN 'slot' WHEN grouping(h.day) = 0 THEN 'day' ELSE 'all' END,
           CASE WHEN grouping(h.slot) = 0 THEN h.slot WHEN grouping(h.day) = 0 THEN h.day ELSE '-infinity' END,
           h.head, h.class, h.asset_id, h.layer, min(h.first_at), max(h.last_at),
           sum(h.debits), sum(h.credits), sum(h.debit), sum(h.credit)
      FROM (SELECT slot.*, date_bin('1 day', slot.slot, '2000-01-01 00:00:00+00') AS day FROM slot) h
     GROUP BY GROUPING SETS ((h.head, h.class, h.asset_id, h.layer),
                             (h.head, h.class, h.asset_id, h.layer, h.day),
                             (h.head, h.class, h.asset_id, h.layer, h.slot))),
  -- Most accounts have too few lines in a block for sums of their own.
  busy AS MATERIALIZED (
    SELECT account_id FROM line GROUP BY account_id HAVING sum(debits + credits) >= ledger.rollup_lines_min(lvl))
  INSERT INTO ledger.account_rollup (account_id, level, block, layer, day, first_at, last_at, debits, credits, debit, credit)
  SELECT account_id, lvl, number, layer, (slot AT TIME ZONE 'UTC')::date, min(first_at), max(last_at), sum(debits), sum(credits),
         sum(debit), sum(credit)
    FROM line WHERE account_id IN (SELECT account_id FROM busy)
   GROUP BY account_id, layer, (slot AT TIME ZONE 'UTC')::date;

  -- Small blocks hold all of a large one by head.
  IF lvl = 1 THEN
    INSERT INTO ledger.head_rollup (level, block, span, starts_at, head, class, asset_id, layer, first_at, last_at,
                                    debits, credits, debit, credit)
    SELECT 1, number, span, starts_at, head, class, asset_id, layer, min(first_at), max(last_at),
           sum(debits), sum(credits), sum(debit), sum(credit)
      FROM ledger.head_rollup WHERE level = 0 AND block >= number * 128 AND block < (number + 1) * 128
     GROUP BY span, starts_at, head, class, asset_id, layer;
  END IF;
  RETURN lvl;
END
$$;
