-- Comparing the books with the chains: where each settled payment is on its chain, what was seen there of wallets of ours,
-- how far the two were compared, and on what they do not agree.

-- ---------------------------------------------------------------------------------------------------------------------
-- Where the standing settlement of each payment is. A payment's id is its authorization (chain, keeper of the nonce, payer,
-- nonce): the primary key lets an authorization settle once, and the other key lets a log settle one payment. The hash of
-- the block is part of that key, so that a transaction that came back in another block is another log. The rows follow
-- from what is known of payments and are written after the posting: posting is not held up by three more keys. A payment
-- whose log is another's already can only be kept as a duplicate of that, which is a break.

CREATE TABLE ledger.settled_log (
  payment_id   uuid           CONSTRAINT settled_log_authorization_key PRIMARY KEY,
  chain_id     text           NOT NULL,
  block_number numeric(78, 0) NOT NULL,
  transaction  text           COLLATE "C" NOT NULL CHECK (transaction ~ '^0x[0-9a-f]+$' AND octet_length(transaction) = 66),
  log_index    integer        NOT NULL CHECK (log_index >= 0),
  block_hash   text           COLLATE "C" NOT NULL CHECK (block_hash ~ '^0x[0-9a-f]+$' AND octet_length(block_hash) = 66),
  duplicate_of uuid           CHECK (duplicate_of <> payment_id)
);
CREATE UNIQUE INDEX settled_log_log_key ON ledger.settled_log (chain_id, block_number, transaction, log_index, block_hash)
  WHERE duplicate_of IS NULL;
CREATE INDEX settled_log_duplicate ON ledger.settled_log (chain_id, block_number) WHERE duplicate_of IS NOT NULL;
CREATE INDEX settled_log_transaction ON ledger.settled_log (chain_id, transaction);

-- Every transaction of the books up to here was looked at for settlements.
CREATE TABLE ledger.placement (
  is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  placed_id bigint  NOT NULL DEFAULT 0
);
INSERT INTO ledger.placement DEFAULT VALUES;

-- ---------------------------------------------------------------------------------------------------------------------
-- What a chain had that no event tells of, and that was posted because its cause is certain. A log is posted once.

CREATE TABLE ledger.observed_transfer (
  chain_id       text           NOT NULL CHECK (
    octet_length(split_part(chain_id, ':', 1)) BETWEEN 3 AND 8 AND octet_length(split_part(chain_id, ':', 2)) <= 32
    AND chain_id ~ '^[-a-z0-9]+:[-_a-zA-Z0-9]+$'),
  block_number   numeric(78, 0) NOT NULL CHECK (block_number >= 0),
  block_hash     text           NOT NULL CHECK (octet_length(block_hash) = 66 AND block_hash ~ '^0x[0-9a-f]+$'),
  -- Empty where a wallet's coin moved and no transaction is known that moved it.
  transaction    text           NOT NULL CHECK (transaction = '' OR (octet_length(transaction) = 66 AND transaction ~ '^0x[0-9a-f]+$')),
  part           text           COLLATE "C" NOT NULL CHECK (
    CASE octet_length(part) WHEN 14 THEN part ~ '^log:[0-9]+$' WHEN 49 THEN part ~ '^native:0x[0-9a-f]+$' ELSE false END),
  kind           text           NOT NULL CHECK (kind ~ '^transfer(\.[a-z_]+)+$'),
  asset          text           NOT NULL,
  sender         text           NOT NULL,
  recipient      text           NOT NULL,
  amount         numeric(78, 0) NOT NULL CHECK (amount > 0),
  -- The payment that it gives back, where that is certain.
  payment_id     uuid,
  transaction_id bigint         NOT NULL CONSTRAINT observed_transfer_posting_key UNIQUE REFERENCES ledger.transaction,
  CONSTRAINT observed_transfer_log_key PRIMARY KEY (chain_id, block_number, transaction, part, block_hash)
);
CREATE INDEX observed_transfer_payment ON ledger.observed_transfer (payment_id) WHERE payment_id IS NOT NULL;
CREATE TRIGGER observed_transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.observed_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Wallets of ours, by asset: from which block on their balance is accounted for, and what they held before.
CREATE TABLE ledger.own_wallet (
  chain_id       text           NOT NULL CHECK (
    octet_length(split_part(chain_id, ':', 1)) BETWEEN 3 AND 8 AND octet_length(split_part(chain_id, ':', 2)) <= 32
    AND chain_id ~ '^[-a-z0-9]+:[-_a-zA-Z0-9]+$'),
  address        text           NOT NULL CHECK (octet_length(address) = 42 AND address ~ '^0x[0-9a-f]+$'),
  use            text           NOT NULL CONSTRAINT own_wallet_use CHECK (use IN ('relayer', 'treasury')),
  asset          text           NOT NULL,
  first_block    numeric(78, 0) NOT NULL CHECK (first_block >= 0),
  -- Negative where the books had more than the chain when it was first looked at.
  opening        numeric(78, 0) NOT NULL,
  transaction_id bigint         REFERENCES ledger.transaction,
  PRIMARY KEY (chain_id, address, asset),
  CONSTRAINT own_wallet_opening_posted CHECK ((opening = 0) = (transaction_id IS NULL))
);
CREATE TRIGGER own_wallet_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.own_wallet
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ---------------------------------------------------------------------------------------------------------------------
-- How far each chain was compared. Work tables of the service: all of it can be found again on the chain.

CREATE TABLE ledger.reconciliation (
  chain_id     text           PRIMARY KEY CHECK (
    octet_length(split_part(chain_id, ':', 1)) BETWEEN 3 AND 8 AND octet_length(split_part(chain_id, ':', 2)) <= 32
    AND chain_id ~ '^[-a-z0-9]+:[-_a-zA-Z0-9]+$'),
  first_block  numeric(78, 0) NOT NULL CHECK (first_block >= 0),
  next_block   numeric(78, 0) NOT NULL,
  -- The last block that was compared; its time is how late the comparison is.
  last_hash    text,
  last_time    timestamptz,
  page_blocks  integer        NOT NULL DEFAULT 64 CHECK (page_blocks >= 1),
  matched      bigint         NOT NULL DEFAULT 0,
  found        bigint         NOT NULL DEFAULT 0,
  -- Every transaction of the books up to here was looked for on the chain.
  swept_id     bigint         NOT NULL DEFAULT 0,
  proved_block numeric(78, 0),
  updated_at   timestamptz    NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT reconciliation_forward CHECK (next_block >= first_block)
);

-- Ends of pages that were compared: where the chain is found again after a reorganization.
CREATE TABLE ledger.reconciled_page (
  chain_id     text           NOT NULL REFERENCES ledger.reconciliation,
  block_number numeric(78, 0) NOT NULL,
  block_hash   text           NOT NULL CHECK (octet_length(block_hash) = 66 AND block_hash ~ '^0x[0-9a-f]+$'),
  PRIMARY KEY (chain_id, block_number)
);

-- Transactions that wallets of ours sent or got coin by, as they were last seen.
CREATE TABLE ledger.own_transaction (
  chain_id      text           NOT NULL,
  transaction   text           NOT NULL CHECK (octet_length(transaction) = 66 AND transaction ~ '^0x[0-9a-f]+$'),
  block_number  numeric(78, 0) NOT NULL,
  block_hash    text           NOT NULL CHECK (octet_length(block_hash) = 66 AND block_hash ~ '^0x[0-9a-f]+$'),
  is_canonical  boolean        NOT NULL DEFAULT true,
  reconciled_at timestamptz    NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (chain_id, transaction)
);
CREATE INDEX own_transaction_block ON ledger.own_transaction (chain_id, block_number);
CREATE INDEX own_transaction_orphan ON ledger.own_transaction (chain_id) WHERE NOT is_canonical;

-- Comparisons of a range that somebody asked for.
CREATE TABLE ledger.reconciliation_run (
  id           bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  chain_id     text           NOT NULL,
  from_block   numeric(78, 0) NOT NULL CHECK (from_block >= 0),
  to_block     numeric(78, 0) NOT NULL,
  next_block   numeric(78, 0) NOT NULL,
  page_blocks  integer        NOT NULL DEFAULT 64 CHECK (page_blocks >= 1),
  state        text           NOT NULL DEFAULT 'running' CONSTRAINT reconciliation_run_state CHECK (state IN ('running', 'done')),
  matched      bigint         NOT NULL DEFAULT 0,
  found        jsonb          NOT NULL DEFAULT '{}',
  fault        text,
  asked_by     text,
  started_at   timestamptz    NOT NULL DEFAULT clock_timestamp(),
  finished_at  timestamptz,
  CONSTRAINT reconciliation_run_range CHECK (from_block <= to_block),
  CONSTRAINT reconciliation_run_progress CHECK (next_block BETWEEN from_block AND to_block + 1),
  CONSTRAINT reconciliation_run_done CHECK ((state = 'done') = (finished_at IS NOT NULL) AND (state = 'done') = (next_block = to_block + 1))
);
CREATE INDEX reconciliation_run_running ON ledger.reconciliation_run (chain_id, id) WHERE state = 'running';

-- ---------------------------------------------------------------------------------------------------------------------
-- On what they do not agree. A break ends by itself, or by two people: one proposes, another one approves.

CREATE TABLE ledger.reconciliation_break (
  id                  bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  chain_id            text           NOT NULL,
  type                text           NOT NULL CONSTRAINT break_type CHECK (type IN
    ('missing_in_ledger', 'missing_on_chain', 'amount', 'party', 'duplicate', 'orphaned', 'late', 'balance')),
  subject             text           NOT NULL,
  block_number        numeric(78, 0) NOT NULL,
  block_hash          text,
  transaction         text,
  asset               text           NOT NULL,
  value               numeric(98, 0) NOT NULL CHECK (value >= 0),
  detail              text           NOT NULL,
  payment_id          uuid,
  transaction_id      bigint,
  -- What the chain has more than the books of this wallet of ours because of it.
  wallet              text           CHECK (octet_length(wallet) = 42 AND wallet ~ '^0x[0-9a-f]+$'),
  effect              numeric(98, 0) NOT NULL DEFAULT 0,
  first_seen_at       timestamptz    NOT NULL DEFAULT clock_timestamp(),
  last_seen_at        timestamptz    NOT NULL DEFAULT clock_timestamp(),
  owner               text           CHECK (octet_length(owner) BETWEEN 1 AND 128),
  state               text           NOT NULL DEFAULT 'open' CONSTRAINT break_state CHECK (state IN ('open', 'explained', 'written_off', 'healed')),
  proposed_resolution text           CONSTRAINT break_resolution CHECK (proposed_resolution IN ('explained', 'written_off')),
  proposed_by         text,
  proposal_reason     text           CHECK (octet_length(proposal_reason) BETWEEN 1 AND 2000),
  approved_by         text,
  -- The transaction of the books that puts it right.
  fixed_by            bigint         REFERENCES ledger.transaction,
  closed_at           timestamptz,
  CONSTRAINT break_subject_key UNIQUE (chain_id, type, subject),
  CONSTRAINT break_proposal_whole CHECK (num_nulls(proposed_resolution, proposed_by, proposal_reason) IN (0, 3)),
  CONSTRAINT break_two_people CHECK (approved_by <> proposed_by),
  CONSTRAINT break_resolved_by_approval CHECK (
    (state IN ('explained', 'written_off')) = (approved_by IS NOT NULL) AND
    (approved_by IS NULL OR (proposed_resolution IS NOT NULL AND proposed_resolution = state))),
  CONSTRAINT break_closed CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE INDEX break_open_place ON ledger.reconciliation_break (chain_id, block_number) WHERE state = 'open';
CREATE INDEX break_transaction ON ledger.reconciliation_break (chain_id, transaction);
CREATE INDEX break_wallet ON ledger.reconciliation_break (chain_id, wallet) WHERE wallet IS NOT NULL;
CREATE INDEX break_payment ON ledger.reconciliation_break (payment_id) WHERE payment_id IS NOT NULL;

-- What people decided stays decided, and nobody approves what changed in the same breath.
CREATE FUNCTION ledger.keep_resolution() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.approved_by IS NOT NULL AND
     (NEW.state, NEW.approved_by, NEW.proposed_by, NEW.proposal_reason, NEW.proposed_resolution, NEW.fixed_by, NEW.owner, NEW.closed_at)
     IS DISTINCT FROM
     (OLD.state, OLD.approved_by, OLD.proposed_by, OLD.proposal_reason, OLD.proposed_resolution, OLD.fixed_by, OLD.owner, OLD.closed_at) THEN
    RAISE EXCEPTION 'break % was resolved by % and %: it stays so', OLD.id, OLD.proposed_by, OLD.approved_by
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_resolution_final', SCHEMA = 'ledger', TABLE = 'reconciliation_break';
  END IF;
  IF OLD.approved_by IS NULL AND NEW.approved_by IS NOT NULL AND
     (NEW.proposed_by, NEW.proposal_reason, NEW.proposed_resolution, NEW.fixed_by)
     IS DISTINCT FROM (OLD.proposed_by, OLD.proposal_reason, OLD.proposed_resolution, OLD.fixed_by) THEN
    RAISE EXCEPTION 'break %: what is approved must have been proposed before', OLD.id
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_approved_as_proposed', SCHEMA = 'ledger', TABLE = 'reconciliation_break';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER break_1_resolution BEFORE UPDATE ON ledger.reconciliation_break
  FOR EACH ROW EXECUTE FUNCTION ledger.keep_resolution();
CREATE TRIGGER break_no_delete BEFORE DELETE OR TRUNCATE ON ledger.reconciliation_break
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- All that was ever so of a break, written by the database itself.
CREATE TABLE ledger.reconciliation_break_change (
  id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  break_id            bigint      NOT NULL REFERENCES ledger.reconciliation_break,
  at                  timestamptz NOT NULL DEFAULT clock_timestamp(),
  state               text        NOT NULL,
  owner               text,
  proposed_resolution text,
  proposed_by         text,
  proposal_reason     text,
  approved_by         text,
  fixed_by            bigint
);
CREATE INDEX break_change_break ON ledger.reconciliation_break_change (break_id, id);
CREATE TRIGGER break_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.reconciliation_break_change
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE FUNCTION ledger.record_break_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND
     (NEW.state, NEW.owner, NEW.proposed_resolution, NEW.proposed_by, NEW.proposal_reason, NEW.approved_by, NEW.fixed_by)
     IS NOT DISTINCT FROM
     (OLD.state, OLD.owner, OLD.proposed_resolution, OLD.proposed_by, OLD.proposal_reason, OLD.approved_by, OLD.fixed_by) THEN
    RETURN NULL;
  END IF;
  INSERT INTO ledger.reconciliation_break_change
         (break_id, state, owner, proposed_resolution, proposed_by, proposal_reason, approved_by, fixed_by)
  VALUES (NEW.id, NEW.state, NEW.owner, NEW.proposed_resolution, NEW.proposed_by, NEW.proposal_reason, NEW.approved_by, NEW.fixed_by);
  RETURN NULL;
END
$$;
CREATE TRIGGER break_2_recorded AFTER INSERT OR UPDATE ON ledger.reconciliation_break
  FOR EACH ROW EXECUTE FUNCTION ledger.record_break_change();

-- ---------------------------------------------------------------------------------------------------------------------

GRANT SELECT ON ledger.settled_log, ledger.placement, ledger.observed_transfer, ledger.own_wallet, ledger.reconciliation, ledger.reconciled_page,
  ledger.own_transaction, ledger.reconciliation_run, ledger.reconciliation_break, ledger.reconciliation_break_change TO quittance_ledger;
GRANT INSERT, UPDATE, DELETE ON ledger.settled_log TO quittance_ledger;
GRANT UPDATE (placed_id) ON ledger.placement TO quittance_ledger;
GRANT INSERT ON ledger.observed_transfer, ledger.own_wallet TO quittance_ledger;
GRANT INSERT, UPDATE ON ledger.reconciliation TO quittance_ledger;
GRANT INSERT, UPDATE, DELETE ON ledger.reconciled_page TO quittance_ledger;
GRANT INSERT, UPDATE, DELETE ON ledger.own_transaction TO quittance_ledger;
GRANT INSERT (chain_id, from_block, to_block, next_block, asked_by), UPDATE (next_block, page_blocks, state, matched, found, fault, finished_at)
  ON ledger.reconciliation_run TO quittance_ledger;
GRANT INSERT (chain_id, type, subject, block_number, block_hash, transaction, asset, value, detail, payment_id, transaction_id, wallet, effect),
  UPDATE (last_seen_at, block_number, value, detail, payment_id, transaction_id, effect, owner, state, proposed_resolution, proposed_by,
          proposal_reason, approved_by, fixed_by, closed_at)
  ON ledger.reconciliation_break TO quittance_ledger;
