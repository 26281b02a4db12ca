-- Sums of sealed lines, so that a question about any moment reads few rows however long the books are. Made of the sealed
-- order and of nothing else: block n of level 0 is positions 1,024 n to 1,024 n + 1,023, block n of level 1 is 128 of those.
-- What was known at a moment is the first blocks of the sealed order and a rest that is read line by line; what was in force
-- at a time is chosen within the blocks by the days of the lines and by stretches of ten minutes. A block is rolled up once, when it is full and
-- sealed, and never changes.

CREATE FUNCTION ledger.account_head(code text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN split_part(code, ':', 1) || ':' || split_part(code, ':', 2);

CREATE TABLE ledger.rollup (
  level smallint NOT NULL CHECK (level IN (0, 1)),
  block bigint   NOT NULL CHECK (block >= 0),
  -- Every transaction of the block has an id within: where to look for its lines by account.
  first_transaction bigint NOT NULL,
  last_transaction  bigint NOT NULL,
  PRIMARY KEY (level, block),
  CHECK (first_transaction <= last_transaction)
);

-- By the first two words of the account code, its class and asset. `span` says what a row sums: all of the block, or what of
-- it is of one day (UTC), or of ten minutes.
CREATE TABLE ledger.head_rollup (
  level     smallint       NOT NULL,
  block     bigint         NOT NULL,
  span      text           NOT NULL CHECK (span IN ('all', 'day', 'slot')),
  starts_at timestamptz    NOT NULL,
  head      text           COLLATE "C" NOT NULL,
  class     text           COLLATE "C" NOT NULL,
  asset_id  integer        NOT NULL,
  layer     ledger.layer   NOT NULL,
  first_at  timestamptz    NOT NULL,
  last_at   timestamptz    NOT NULL,
  debits    integer        NOT NULL CHECK (debits >= 0),
  credits   integer        NOT NULL CHECK (credits >= 0),
  debit     numeric(98, 0) NOT NULL CHECK (debit >= 0),
  credit    numeric(98, 0) NOT NULL CHECK (credit >= 0),
  PRIMARY KEY (level, block, span, starts_at, head, class, asset_id, layer)
);

-- By account and day. Only of accounts with at least `ledger.rollup_lines_min(level)` lines in the block: the others' lines are
-- read one by one, and it is their large number that would make this table as large as the entries. An account with a row in
-- a block has a row there for every layer and day of its lines.
CREATE TABLE ledger.account_rollup (
  account_id bigint         NOT NULL,
  level      smallint       NOT NULL,
  block      bigint         NOT NULL,
  layer      ledger.layer   NOT NULL,
  day        date           NOT NULL,
  first_at   timestamptz    NOT NULL,
  last_at    timestamptz    NOT NULL,
  debits     integer        NOT NULL CHECK (debits >= 0),
  credits    integer        NOT NULL CHECK (credits >= 0),
  debit      numeric(98, 0) NOT NULL CHECK (debit >= 0),
  credit     numeric(98, 0) NOT NULL CHECK (credit >= 0),
  PRIMARY KEY (account_id, level, block, layer, day)
);

CREATE FUNCTION ledger.rollup_lines_min(level integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN CASE level WHEN 0 THEN 8 ELSE 32 END;
CREATE FUNCTION ledger.rollup_block_size(level integer) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN CASE level WHEN 0 THEN 1024 ELSE 131072 END;

-- The rows that a block must have, made of the lines themselves. What writes the roll-ups and what checks them both use it.
-- Looked up by key whatever is known of the tables' sizes: they may have been empty when that was last measured.
CREATE FUNCTION ledger.block_lines(level integer, number bigint)
RETURNS TABLE (account_id bigint, layer ledger.layer, slot timestamptz, first_at timestamptz, last_at timestamptz,
               debits integer, credits integer, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  RETURN QUERY
  SELECT e.account_id, e.layer, date_bin('10 minutes', t.effective_at, '2000-01-01 00:00:00+00'), min(t.effective_at), max(t.effective_at),
         (count(*) FILTER (WHERE e.amount > 0))::integer, (count(*) FILTER (WHERE e.amount < 0))::integer,
         coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0), coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)
    FROM ledger.leaf l
    JOIN ledger.transaction t ON t.id = l.transaction_id
    JOIN ledger.entry e ON e.transaction_id = l.transaction_id
   WHERE l.position >= number * ledger.rollup_block_size(level)
     AND l.position < (number + 1) * ledger.rollup_block_size(level)
   GROUP BY 1, 2, 3;
END
$$;

CREATE FUNCTION ledger.block_by_head(level integer, number bigint)
RETURNS TABLE (span text, starts_at timestamptz, head text, class text, asset_id integer, layer ledger.layer,
               first_at timestamptz, last_at timestamptz, debits integer, credits integer, debit numeric, credit numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  RETURN QUERY
  SELECT CASE WHEN grouping(h.slot) = 0 THEN 'slot' WHEN grouping(h.day) = 0 THEN 'day' ELSE 'all' END,
         CASE WHEN grouping(h.slot) = 0 THEN h.slot WHEN grouping(h.day) = 0 THEN h.day ELSE '-infinity' END,
         h.head, h.class, h.asset_id, h.layer, min(h.first_at), max(h.last_at),
         sum(h.debits)::integer, sum(h.credits)::integer, sum(h.debit), sum(h.credit)
    FROM (SELECT ledger.account_head(a.code) AS head, a.class, a.asset_id, b.layer, b.slot,
                 date_bin('1 day', b.slot, '2000-01-01 00:00:00+00') AS day, b.first_at, b.last_at, b.debits, b.credits, b.debit, b.credit
            FROM ledger.block_lines(level, number) b JOIN ledger.account a ON a.id = b.account_id) h
   GROUP BY GROUPING SETS ((h.head, h.class, h.asset_id, h.layer),
                           (h.head, h.class, h.asset_id, h.layer, h.day),
                           (h.head, h.class, h.asset_id, h.layer, h.slot));
END
$$;

CREATE FUNCTION ledger.block_by_account(level integer, number bigint)
RETURNS TABLE (account_id bigint, layer ledger.layer, day date, first_at timestamptz, last_at timestamptz,
               debits integer, credits integer, debit numeric, credit numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.account_id, d.layer, d.day, d.first_at, d.last_at, d.debits, d.credits, d.debit, d.credit
    FROM (SELECT b.account_id, b.layer, (b.slot AT TIME ZONE 'UTC')::date AS day, min(b.first_at) AS first_at,
                 max(b.last_at) AS last_at, sum(b.debits)::integer AS debits, sum(b.credits)::integer AS credits,
                 sum(b.debit) AS debit, sum(b.credit) AS credit,
                 sum(sum(b.debits + b.credits)) OVER (PARTITION BY b.account_id) AS lines
            FROM ledger.block_lines(level, number) b GROUP BY 1, 2, 3) d
   WHERE d.lines >= ledger.rollup_lines_min(level)
$$;

-- Rolls up the next block, if one is full: the level of what was done, or null. Runs as the owner: the service itself has no
-- right to write a sum. One at a time; who comes second finds it done or leaves it to the first.
--
-- The transactions of a block have ids close to each other, but for a few that were long under way: those in a narrow range
-- are read in the order of the tables, the others one by one.
CREATE FUNCTION ledger.roll_up() RETURNS smallint
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
  head AS (
    INSERT INTO ledger.head_rollup (level, block, span, starts_at, head, class, asset_id, layer, first_at, last_at,
                                    debits, credits, debit, credit)
    SELECT 0, number, CASE WHEN grouping(h.slot) = 0 THEN 'slot' WHEN grouping(h.day) = 0 THEN 'day' ELSE 'all' END,
           CASE WHEN grouping(h.slot) = 0 THEN h.slot WHEN grouping(h.day) = 0 THEN h.day ELSE '-infinity' END,
           h.head, h.class, h.asset_id, h.layer, min(h.first_at), max(h.last_at),
           sum(h.debits), sum(h.credits), sum(h.debit), sum(h.credit)
      FROM (SELECT ledger.account_head(a.code) AS head, a.class, a.asset_id, line.*,
                   date_bin('1 day', line.slot, '2000-01-01 00:00:00+00') AS day
              FROM line
             CROSS JOIN LATERAL (SELECT x.code, x.class, x.asset_id FROM ledger.account x
                                  WHERE x.id = line.account_id OFFSET 0) a
             WHERE lvl = 0) h
     GROUP BY GROUPING SETS ((h.head, h.class, h.asset_id, h.layer),
                             (h.head, h.class, h.asset_id, h.layer, h.day),
                             (h.head, h.class, h.asset_id, h.layer, h.slot)))
  INSERT INTO ledger.account_rollup (account_id, level, block, layer, day, first_at, last_at, debits, credits, debit, credit)
  SELECT d.account_id, lvl, number, d.layer, d.day, d.first_at, d.last_at, d.debits, d.credits, d.debit, d.credit
    FROM (SELECT account_id, layer, (slot AT TIME ZONE 'UTC')::date AS day, min(first_at) AS first_at,
                 max(last_at) AS last_at, sum(debits) AS debits, sum(credits) AS credits, sum(debit) AS debit,
                 sum(credit) AS credit, sum(sum(debits + credits)) OVER (PARTITION BY account_id) AS lines
            FROM line GROUP BY 1, 2, 3) d
   WHERE d.lines >= ledger.rollup_lines_min(lvl);

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

-- The rows of a block that are not what its lines come to, of either table: none, or the roll-up is wrong.
CREATE FUNCTION ledger.rollup_differences(of_level integer, of_block bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (SELECT count(*) FROM (
            (SELECT span, starts_at, head, class, asset_id, layer, first_at, last_at, debits, credits, debit, credit
               FROM ledger.head_rollup WHERE level = of_level AND block = of_block
             EXCEPT SELECT * FROM ledger.block_by_head(of_level, of_block))
            UNION ALL
            (SELECT * FROM ledger.block_by_head(of_level, of_block)
             EXCEPT SELECT span, starts_at, head, class, asset_id, layer, first_at, last_at, debits, credits, debit, credit
               FROM ledger.head_rollup WHERE level = of_level AND block = of_block)) h)
       + (SELECT count(*) FROM (
            (SELECT account_id, layer, day, first_at, last_at, debits, credits, debit, credit
               FROM ledger.account_rollup WHERE level = of_level AND block = of_block
             EXCEPT SELECT * FROM ledger.block_by_account(of_level, of_block))
            UNION ALL
            (SELECT * FROM ledger.block_by_account(of_level, of_block)
             EXCEPT SELECT account_id, layer, day, first_at, last_at, debits, credits, debit, credit
               FROM ledger.account_rollup WHERE level = of_level AND block = of_block)) a)
$$;

CREATE INDEX account_rollup_block ON ledger.account_rollup (level, block);

-- What was in force within ten minutes. Entries come nearly in this order, so that it costs next to nothing to keep.
CREATE INDEX transaction_effective ON ledger.transaction (effective_at);

CREATE TRIGGER rollup_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.rollup
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER head_rollup_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.head_rollup
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER account_rollup_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.account_rollup
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

REVOKE EXECUTE ON FUNCTION ledger.roll_up() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.roll_up() TO quittance_ledger;
GRANT EXECUTE ON FUNCTION ledger.account_head(text), ledger.rollup_lines_min(integer), ledger.rollup_block_size(integer),
  ledger.block_lines(integer, bigint), ledger.block_by_head(integer, bigint), ledger.block_by_account(integer, bigint),
  ledger.rollup_differences(integer, bigint) TO quittance_ledger;
GRANT SELECT ON ledger.rollup, ledger.head_rollup, ledger.account_rollup TO quittance_ledger;

-- What authenticates the cursors of lists, which carry what was summed up to them: one secret for all processes, made here.
CREATE TABLE ledger.cursor_secret (
  id     boolean PRIMARY KEY DEFAULT true CHECK (id),
  secret bytea   NOT NULL DEFAULT sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea)
);
INSERT INTO ledger.cursor_secret DEFAULT VALUES;
GRANT SELECT ON ledger.cursor_secret TO quittance_ledger;
