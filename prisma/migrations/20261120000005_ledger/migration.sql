-- The books. Positive amounts are debits, negative ones credits. Every guard here stands against the service itself:
-- it may add headers and lines, and the database refuses whatever would make the books wrong.

CREATE TYPE ledger.layer AS ENUM ('encumbered', 'inflight', 'settled');

-- ---------------------------------------------------------------------------------------------------------------------
-- The chart: which codes there may be, and the class of each. No other code can become an account.

-- Lengths stand apart from patterns: a counted repetition makes a pattern ten times as dear, and every payer and every
-- merchant has an account.
CREATE FUNCTION ledger.account_class(code text) RETURNS text
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
  WHEN code ~ '^G:expense:gas:[-a-z0-9]+:[-_a-zA-Z0-9]+:(ok|reverted|missed|filler)$'                    THEN 'expense'
END;

CREATE TABLE ledger.asset (
  id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL CONSTRAINT asset_code_key UNIQUE,
  CONSTRAINT asset_code_is_caip19 CHECK (code ~ '^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}$'),
  -- Equal assets are equal strings.
  CONSTRAINT asset_code_lower_case CHECK (code !~ '/erc20:' OR split_part(code, '/', 2) = lower(split_part(code, '/', 2)))
);

CREATE TABLE ledger.account (
  id       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code     text    COLLATE "C" NOT NULL,
  asset_id integer NOT NULL CONSTRAINT account_asset REFERENCES ledger.asset,
  book     text    GENERATED ALWAYS AS (left(code, 1)) STORED,
  class    text    GENERATED ALWAYS AS (ledger.account_class(code)) STORED,
  CONSTRAINT account_code_in_chart CHECK (class IS NOT NULL),
  CONSTRAINT account_code_asset_key UNIQUE (code, asset_id)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- What is known of each payment, folded from its events. Its row is also the lock that keeps two batches apart.
-- `json` and not `jsonb`: free text of a caller may hold an escaped NUL, which jsonb refuses.

-- `rules` says by which rules lines were posted for them. The fill factor leaves room for what is still to be told.

CREATE TABLE ledger.payment (
  id         uuid        PRIMARY KEY,
  facts      json        NOT NULL,
  rules      smallint    NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- What is known of each chain as a whole; its row is also the lock that keeps two batches apart.
CREATE TABLE ledger.chain (
  chain_id    text           PRIMARY KEY CHECK (chain_id ~ '^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$'),
  -- Nothing up to here is ever taken back.
  final_block numeric(78, 0) NOT NULL DEFAULT 0 CHECK (final_block >= 0),
  updated_at  timestamptz    NOT NULL DEFAULT now()
);

-- Transactions that carried no payment, by the event that told of each. A later one may take an earlier one back.
CREATE TABLE ledger.filler (
  event_id   uuid           PRIMARY KEY,
  takes_back uuid,
  chain_id   text           NOT NULL,
  relayer    text           NOT NULL CHECK (relayer ~ '^0x[0-9a-f]{40}$'),
  fee        numeric(78, 0) NOT NULL CHECK (fee >= 0)
);
CREATE INDEX filler_takes_back ON ledger.filler (takes_back) WHERE takes_back IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Headers and lines.

CREATE TABLE ledger.transaction (
  id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  book              text        NOT NULL CONSTRAINT transaction_book CHECK (book IN ('F', 'G')),
  source_event_id   uuid        NOT NULL,
  event_type        text        NOT NULL CHECK (event_type ~ '^[a-z]+(\.[a-z]+)+$'),
  -- Null only where it is about no single payment.
  payment_id        uuid,
  -- The length apart: a counted repetition makes the pattern ten times as dear.
  chain_transaction text        CHECK (chain_transaction ~ '^0x[0-9a-f]+$' AND octet_length(chain_transaction) = 66),
  -- Which row of a balance the lines add to: writers of different partitions must not queue for the same row.
  shard             smallint    NOT NULL CHECK (shard BETWEEN 0 AND 999),
  effective_at      timestamptz NOT NULL,
  recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The database transaction that wrote this. The service cannot set it: no INSERT privilege on the column.
  xid               xid8        NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT transaction_source_event_key UNIQUE (source_event_id, book),
  CONSTRAINT transaction_payment_or_filler CHECK ((payment_id IS NULL) = (event_type = 'settlement.filled'))
);
CREATE INDEX transaction_payment ON ledger.transaction (payment_id, id);
CREATE INDEX transaction_chain_transaction ON ledger.transaction (chain_transaction, id);

-- No foreign keys: one set-based check a statement (entry_account, entry_sealed) does the same at a fraction of the
-- cost, and neither accounts nor headers can ever be deleted.
CREATE TABLE ledger.entry (
  transaction_id bigint         NOT NULL,
  line           smallint       NOT NULL CHECK (line >= 1),
  account_id     bigint         NOT NULL,
  asset_id       integer        NOT NULL,
  layer          ledger.layer   NOT NULL,
  amount         numeric(78, 0) NOT NULL,
  PRIMARY KEY (transaction_id, line),
  CONSTRAINT entry_amount_not_zero CHECK (amount <> 0),
  CONSTRAINT entry_amount_uint256 CHECK (
    abs(amount) < 115792089237316195423570985008687907853269984665640564039457584007913129639936)
);
CREATE INDEX entry_account ON ledger.entry (account_id, transaction_id, line);

-- Sums of the lines; a hundred digits leave room for more payments of 2^256 − 1 than anybody will make.
-- The fill factor leaves room for updates within the page.
CREATE TABLE ledger.balance (
  account_id bigint         NOT NULL,
  layer      ledger.layer   NOT NULL,
  shard      smallint       NOT NULL,
  debit      numeric(98, 0) NOT NULL CHECK (debit >= 0),
  credit     numeric(98, 0) NOT NULL CHECK (credit >= 0),
  PRIMARY KEY (account_id, layer, shard)
) WITH (fillfactor = 50);

-- ---------------------------------------------------------------------------------------------------------------------
-- Guards. What they look up is a scalar subquery and never a join: a trigger's plan is made once a session, often while
-- the tables are empty, and a join planned then may scan all that is written later.

-- All lines of one header, asset and layer come in one statement and add up to zero.
CREATE FUNCTION ledger.require_balanced() RETURNS trigger
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

-- A header takes lines only in the database transaction that wrote it.
CREATE FUNCTION ledger.require_unsealed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong bigint;
BEGIN
  SELECT f.transaction_id INTO wrong
    FROM (SELECT DISTINCT transaction_id FROM fresh) f
   WHERE (SELECT t.xid FROM ledger.transaction t WHERE t.id = f.transaction_id) IS DISTINCT FROM pg_current_xact_id()
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction % is sealed or does not exist: no line can be added', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_sealed', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

-- A line's account exists, holds the line's asset, and is of the header's book.
CREATE FUNCTION ledger.require_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong record;
BEGIN
  SELECT f.account_id, f.asset_id INTO wrong
    FROM fresh f
   WHERE ((SELECT a.book FROM ledger.account a WHERE a.id = f.account_id AND a.asset_id = f.asset_id)
          = (SELECT t.book FROM ledger.transaction t WHERE t.id = f.transaction_id)) IS NOT TRUE
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account % is not an account of asset % in the book of its transaction', wrong.account_id, wrong.asset_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_account', SCHEMA = 'ledger', TABLE = 'entry';
  END IF;
  RETURN NULL;
END
$$;

-- Runs as the owner, so that the service itself needs no right to touch a balance. Sorted: two batches that meet on
-- the same rows lock them in the same order.
CREATE FUNCTION ledger.add_to_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO ledger.balance AS b (account_id, layer, shard, debit, credit)
  SELECT f.account_id, f.layer, f.shard, coalesce(sum(f.amount) FILTER (WHERE f.amount > 0), 0),
         coalesce(-sum(f.amount) FILTER (WHERE f.amount < 0), 0)
    FROM (SELECT account_id, layer, amount,
                 (SELECT t.shard FROM ledger.transaction t WHERE t.id = fresh.transaction_id) AS shard FROM fresh) f
   GROUP BY f.account_id, f.layer, f.shard
   ORDER BY f.account_id, f.layer, f.shard
  ON CONFLICT (account_id, layer, shard)
  DO UPDATE SET debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
  RETURN NULL;
END
$$;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'ledger.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only', SCHEMA = 'ledger', TABLE = TG_TABLE_NAME;
END
$$;

-- Triggers of one event fire in order of name: the checks come before the balances.
CREATE TRIGGER entry_1_balanced AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_balanced();
CREATE TRIGGER entry_2_sealed AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_unsealed();
CREATE TRIGGER entry_3_account AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_account();
CREATE TRIGGER entry_4_balances AFTER INSERT ON ledger.entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.add_to_balances();

-- What is final stays final.
CREATE FUNCTION ledger.keep_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.final_block < OLD.final_block THEN
    RAISE EXCEPTION 'block % of chain % is final: it cannot go back to %', OLD.final_block, OLD.chain_id, NEW.final_block
      USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_forward_only', SCHEMA = 'ledger', TABLE = 'chain';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER chain_forward_only BEFORE UPDATE ON ledger.chain
  FOR EACH ROW EXECUTE FUNCTION ledger.keep_final();
CREATE TRIGGER chain_no_delete BEFORE DELETE OR TRUNCATE ON ledger.chain
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER filler_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.filler
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transaction
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.account
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER asset_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.asset
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ---------------------------------------------------------------------------------------------------------------------
-- What the service may do: read, add, keep the facts of a payment current, move what is final on. Nothing else.

GRANT EXECUTE ON FUNCTION ledger.account_class(text) TO quittance_ledger;
GRANT SELECT ON ledger.asset, ledger.account, ledger.payment, ledger.chain, ledger.filler, ledger.transaction, ledger.entry,
  ledger.balance TO quittance_ledger;
GRANT INSERT (code) ON ledger.asset TO quittance_ledger;
GRANT INSERT (code, asset_id) ON ledger.account TO quittance_ledger;
GRANT INSERT (id, facts, rules), UPDATE (facts, rules, updated_at) ON ledger.payment TO quittance_ledger;
GRANT INSERT (chain_id), UPDATE (final_block, updated_at) ON ledger.chain TO quittance_ledger;
GRANT INSERT (event_id, takes_back, chain_id, relayer, fee) ON ledger.filler TO quittance_ledger;
GRANT INSERT (book, source_event_id, event_type, payment_id, chain_transaction, shard, effective_at)
  ON ledger.transaction TO quittance_ledger;
GRANT INSERT (transaction_id, line, account_id, asset_id, layer, amount) ON ledger.entry TO quittance_ledger;
