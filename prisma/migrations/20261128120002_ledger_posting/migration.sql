-- Posting in large batches, and the guards that were missing: an authorization settles once, a log on chain is booked once,
-- a mirror mirrors.

-- ---------------------------------------------------------------------------------------------------------------------
-- What is known of a payment. Text and not json: the service alone writes and reads it, and to check it again for every
-- payment cost as much as to store it. `version` tells who read it before that somebody else has changed it since.

ALTER TABLE ledger.payment
  ALTER COLUMN facts TYPE text,
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  -- How often the books have settled it: n where the nth time stands, -n where it was taken back.
  ADD COLUMN settlement smallint NOT NULL DEFAULT 0,
  -- Most payments are told of once or twice: half of each page left free was four kilobytes a payment.
  SET (fillfactor = 80);

-- ---------------------------------------------------------------------------------------------------------------------
-- What a header settles, and by which log on chain.

ALTER TABLE ledger.transaction
  -- n where it settles the payment for the nth time, -n where it takes that back. A payment is its authorization.
  ADD COLUMN settlement smallint,
  ADD COLUMN log_block  bytea,
  ADD COLUMN log_index  integer,
  -- How often the same log had been booked and taken back before: blocks may leave the chain and come again.
  ADD COLUMN log_turn   smallint NOT NULL DEFAULT 0;

ALTER TABLE ledger.transaction DISABLE TRIGGER transaction_append_only;

-- Free text of a caller may hold escapes that nothing but the type json takes (of NUL, of half a character): they are
-- blanked, or whoever paid with one could keep the books from ever being migrated.
WITH settled AS (
  SELECT t.id, t.payment_id, row_number() OVER (PARTITION BY t.payment_id ORDER BY t.id) AS step
    FROM ledger.transaction t
   WHERE t.book = 'F' AND EXISTS (SELECT FROM ledger.entry e WHERE e.transaction_id = t.id AND e.layer = 'settled')
), log AS (
  SELECT p.id AS payment_id, (o ->> 'eventId')::uuid AS event_id, decode(substr(o ->> 'blockHash', 3), 'hex') AS block,
         (o ->> 'logIndex')::integer AS index
    FROM ledger.payment p,
         json_array_elements(regexp_replace(p.facts, '\\u[0-9a-fA-F]{4}', '\\u0020', 'g')::json -> 'outcomes') AS o
   WHERE o ->> 'kind' = 'confirmed'
)
UPDATE ledger.transaction t
   SET settlement = CASE s.step % 2 WHEN 1 THEN (s.step + 1) / 2 ELSE -s.step / 2 END,
       log_block = CASE s.step % 2 WHEN 1 THEN log.block END, log_index = CASE s.step % 2 WHEN 1 THEN log.index END,
       log_turn = (SELECT count(*) FROM settled e JOIN log l ON l.payment_id = e.payment_id
                     JOIN ledger.transaction x ON x.id = e.id AND x.source_event_id = l.event_id
                    WHERE e.step % 2 = 1 AND e.id < s.id AND l.block = log.block AND l.index = log.index)
  FROM settled s LEFT JOIN log ON log.payment_id = s.payment_id
   AND log.event_id = (SELECT x.source_event_id FROM ledger.transaction x WHERE x.id = s.id)
 WHERE t.id = s.id;

ALTER TABLE ledger.transaction ENABLE TRIGGER transaction_append_only;

UPDATE ledger.payment p
   SET settlement = coalesce((SELECT t.settlement FROM ledger.transaction t
                               WHERE t.payment_id = p.id AND t.settlement IS NOT NULL ORDER BY t.id DESC LIMIT 1), 0);

ALTER TABLE ledger.transaction
  ADD CONSTRAINT transaction_settlement CHECK (
    settlement IS NULL OR (settlement <> 0 AND book = 'F' AND source = 'event' AND payment_id IS NOT NULL)),
  ADD CONSTRAINT transaction_settled_by_log CHECK (settlement IS NULL OR settlement <= 0 OR log_block IS NOT NULL),
  ADD CONSTRAINT transaction_log CHECK (
    CASE WHEN log_block IS NULL THEN log_index IS NULL AND log_turn = 0
         ELSE log_index IS NOT NULL AND log_index >= 0 AND log_turn >= 0 AND octet_length(log_block) = 32
              AND chain_transaction IS NOT NULL END);

-- Each also finds what it begins with: the transactions of a payment, and of a hash on chain.
DROP INDEX ledger.transaction_payment;
DROP INDEX ledger.transaction_chain_transaction;
CREATE UNIQUE INDEX transaction_settlement_key ON ledger.transaction (payment_id, settlement);
CREATE UNIQUE INDEX transaction_log_key ON ledger.transaction (chain_transaction, log_index, log_block, book, log_turn);

-- ---------------------------------------------------------------------------------------------------------------------
-- Guards over all lines of a statement at once. Plans are made once a session, perhaps while the tables are empty: only
-- joins that stay good for thousands of rows are allowed, and headers are read by the range of their ids.

CREATE OR REPLACE FUNCTION ledger.require_balanced() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong record;
BEGIN
  SELECT transaction_id, asset_id, layer, sum(amount) AS excess INTO wrong
    FROM fresh GROUP BY transaction_id, asset_id, layer HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction % is out of balance by % of asset % on layer %',
      wrong.transaction_id, wrong.excess, wrong.asset_id, wrong.layer
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balanced', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION ledger.require_unsealed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  wrong bigint;
  first bigint;
  last bigint;
BEGIN
  SELECT min(transaction_id), max(transaction_id) INTO first, last FROM fresh;
  SELECT f.transaction_id INTO wrong
    FROM fresh f LEFT JOIN ledger.transaction t
      ON t.id = f.transaction_id AND t.xid = pg_current_xact_id() AND t.id BETWEEN first AND last
   WHERE t.id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction % is sealed or does not exist: no line can be added', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_sealed', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION ledger.require_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  wrong record;
  first bigint;
  last bigint;
BEGIN
  SELECT min(transaction_id), max(transaction_id) INTO first, last FROM fresh;
  SELECT d.account_id, d.asset_id INTO wrong
    FROM (SELECT f.account_id, f.asset_id, t.book
            FROM fresh f LEFT JOIN ledger.transaction t ON t.id = f.transaction_id AND t.id BETWEEN first AND last
           GROUP BY f.account_id, f.asset_id, t.book) d
   WHERE ((SELECT a.book FROM ledger.account a WHERE a.id = d.account_id AND a.asset_id = d.asset_id) = d.book) IS NOT TRUE
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account % is not an account of asset % in the book of its transaction', wrong.account_id, wrong.asset_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_account', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION ledger.add_to_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  first bigint;
  last bigint;
BEGIN
  SELECT min(transaction_id), max(transaction_id) INTO first, last FROM fresh;
  INSERT INTO ledger.balance AS b (account_id, layer, shard, debit, credit)
  SELECT f.account_id, f.layer, t.shard, coalesce(sum(f.amount) FILTER (WHERE f.amount > 0), 0),
         coalesce(-sum(f.amount) FILTER (WHERE f.amount < 0), 0)
    FROM fresh f LEFT JOIN ledger.transaction t ON t.id = f.transaction_id AND t.id BETWEEN first AND last
   GROUP BY f.account_id, f.layer, t.shard
   ORDER BY f.account_id, f.layer, t.shard
  ON CONFLICT (account_id, layer, shard)
  DO UPDATE SET debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
  RETURN NULL;
END
$$;

-- Refuses a batch that was planned on what somebody else has changed since.
CREATE FUNCTION ledger.require_current(changed bigint, given bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF changed IS DISTINCT FROM given THEN
    RAISE EXCEPTION '% of % payments have changed since they were read', given - changed, given
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_current', SCHEMA = 'ledger', TABLE = 'payment';
  END IF;
END
$$;

GRANT EXECUTE ON FUNCTION ledger.require_current(bigint, bigint) TO quittance_ledger;
GRANT INSERT (version, settlement), UPDATE (version, settlement) ON ledger.payment TO quittance_ledger;
GRANT INSERT (settlement, log_block, log_index, log_turn) ON ledger.transaction TO quittance_ledger;

-- ---------------------------------------------------------------------------------------------------------------------
-- Settled once, booked once, mirrored exactly. Most batches have nothing to look up: the unique keys suffice for them.

-- The nth settlement of a payment comes after the one before was taken back, and only what stands is taken back. A log is
-- booked again only where what booked it was taken back.
CREATE FUNCTION ledger.require_settled_once() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  wrong record;
BEGIN
  IF NOT EXISTS (SELECT FROM fresh WHERE settlement <> 1 OR log_turn > 0) THEN
    RETURN NULL;
  END IF;
  SELECT f.payment_id, f.settlement INTO wrong FROM fresh f
   WHERE f.settlement <> 1
     AND NOT EXISTS (SELECT FROM ledger.transaction t
                      WHERE t.payment_id = f.payment_id
                        AND t.settlement = CASE WHEN f.settlement < 0 THEN -f.settlement ELSE 1 - f.settlement END)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'payment % cannot have settlement %: what comes before it is not in the books', wrong.payment_id, wrong.settlement
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_settled_once', SCHEMA = 'ledger', TABLE = 'transaction';
  END IF;
  SELECT f.chain_transaction, f.log_index INTO wrong FROM fresh f
   WHERE f.log_turn > 0
     AND NOT EXISTS (SELECT FROM ledger.transaction t
                      WHERE t.chain_transaction = f.chain_transaction AND t.log_index = f.log_index AND t.log_block = f.log_block
                        AND t.book = f.book AND t.log_turn = f.log_turn - 1
                        AND (EXISTS (SELECT FROM ledger.transaction r WHERE r.reverses = t.id)
                             OR EXISTS (SELECT FROM ledger.transaction b
                                         WHERE b.payment_id = t.payment_id AND b.settlement = -t.settlement AND t.settlement > 0)))
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'log % of transaction % on chain is booked, and was not taken back', wrong.log_index, wrong.chain_transaction
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_log_once', SCHEMA = 'ledger', TABLE = 'transaction';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER transaction_3_settled_once AFTER INSERT ON ledger.transaction
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_settled_once();

-- Money of payments moves on the settled layer only by a numbered settlement: or the numbers would guard nothing.
CREATE FUNCTION ledger.require_settlement() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  wrong bigint;
  first bigint;
  last bigint;
BEGIN
  SELECT min(transaction_id), max(transaction_id) INTO first, last FROM fresh;
  IF NOT EXISTS (SELECT FROM ledger.transaction t WHERE t.id BETWEEN first AND last AND t.settlement IS NULL
                                                    AND t.book = 'F' AND t.source = 'event') THEN
    RETURN NULL;
  END IF;
  SELECT f.transaction_id INTO wrong
    FROM fresh f JOIN ledger.transaction t ON t.id = f.transaction_id AND t.id BETWEEN first AND last
   WHERE f.layer = 'settled' AND t.settlement IS NULL AND t.book = 'F' AND t.source = 'event' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction % moves settled money of a payment and does not say which settlement it is', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_settlement', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER entry_6_settlement AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_settlement();

-- ---------------------------------------------------------------------------------------------------------------------
-- Floors. What the chain did is booked whatever it leaves; what people decide may not take from an account more than it
-- has. Money on its way out is no longer there, money on its way in not yet. Runs as the owner, to lock the accounts: of
-- two decisions about one account the second sees what the first left.
CREATE FUNCTION ledger.require_floor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  first bigint;
  last bigint;
  drawn bigint[];
  wrong record;
BEGIN
  SELECT min(transaction_id), max(transaction_id) INTO first, last FROM fresh;
  IF NOT EXISTS (SELECT FROM ledger.transaction t WHERE t.id BETWEEN first AND last AND t.xid = pg_current_xact_id()
                                                    AND t.source IN ('journal', 'close')) THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(d.account_id ORDER BY d.account_id) INTO drawn
    FROM (SELECT f.account_id
            FROM fresh f JOIN ledger.transaction t ON t.id = f.transaction_id AND t.source IN ('journal', 'close')
            JOIN ledger.account a ON a.id = f.account_id
           WHERE ledger.account_floor(a.code) IS NOT NULL
           GROUP BY f.account_id, a.class
          HAVING sum(f.amount) * CASE WHEN a.class IN ('asset', 'expense') THEN 1 ELSE -1 END < 0) d;
  IF drawn IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM FROM ledger.account a WHERE a.id = ANY (drawn) ORDER BY a.id FOR UPDATE;
  SELECT l.code, sum(CASE WHEN l.layer = 'settled' THEN l.amount ELSE least(l.amount, 0) END) AS available INTO wrong
    FROM (SELECT a.id, a.code, b.layer,
                 sum(b.debit - b.credit) * CASE WHEN a.class IN ('asset', 'expense') THEN 1 ELSE -1 END AS amount
            FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
           WHERE a.id = ANY (drawn) GROUP BY a.id, b.layer) l
   GROUP BY l.id, l.code
  HAVING sum(CASE WHEN l.layer = 'settled' THEN l.amount ELSE least(l.amount, 0) END) < ledger.account_floor(l.code)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account % would be left with %, below its floor', wrong.code, wrong.available
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_floor', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER entry_8_floor AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_floor();

-- Types of events are few: the pattern is only for what is none of them.
ALTER TABLE ledger.transaction
  DROP CONSTRAINT transaction_event_type,
  ADD CONSTRAINT transaction_event_type CHECK (
    event_type IN ('settlement.confirmed', 'settlement.submitted', 'payment.accepted', 'settlement.released', 'settlement.failed')
    OR (event_type ~ '^[a-z]+(\.[a-z_]+)+$' AND octet_length(event_type) <= 64));
