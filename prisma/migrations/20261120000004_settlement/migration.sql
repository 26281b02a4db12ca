-- The settlement service: what it must put on chain, what it signed, and how far it has read each chain.
-- Whatever protects money is guarded here too, so that a bug in the service meets a refusal instead of a second charge.

CREATE TABLE settlement.payment (
  payment_id           uuid PRIMARY KEY,
  -- Order of arrival, between equal deadlines.
  position             bigint GENERATED ALWAYS AS IDENTITY,
  chain_id             text NOT NULL CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  asset                text NOT NULL CHECK (asset ~ '^0x[0-9a-f]{40}$'),
  payer                text NOT NULL CHECK (payer ~ '^0x[0-9a-f]{40}$'),
  pay_to               text NOT NULL CHECK (pay_to ~ '^0x[0-9a-f]{40}$'),
  amount               numeric(78, 0) NOT NULL CHECK (amount >= 0),
  valid_after          numeric(78, 0) NOT NULL CHECK (valid_after >= 0),
  valid_before         numeric(78, 0) NOT NULL CHECK (valid_before >= 0),
  nonce                text NOT NULL CHECK (nonce ~ '^0x[0-9a-f]{64}$'),
  signature            text NOT NULL CHECK (signature ~ '^0x([0-9a-f]{2})+$'),
  state                text NOT NULL DEFAULT 'queued'
                         CONSTRAINT payment_state CHECK (state IN ('queued', 'submitted', 'confirmed', 'failed', 'expired')),
  -- Transactions signed for it so far.
  attempts             integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  retry_at             timestamptz NOT NULL DEFAULT '-infinity',
  faults               integer NOT NULL DEFAULT 0 CHECK (faults >= 0),
  -- Head at which its nonce was first seen spent while no log for it was known.
  spent_seen_at        bigint CHECK (spent_seen_at >= 0),
  -- Payments at most in a batch that holds this one: halved when such a batch reverted as a whole.
  batch_limit          integer NOT NULL DEFAULT 1000 CHECK (batch_limit BETWEEN 1 AND 1000),
  -- How often an outcome of it was taken back by a reorganization.
  reorgs               integer NOT NULL DEFAULT 0 CHECK (reorgs >= 0),
  -- The newest event about it, ours or the facilitator's: the cause of the next one.
  last_event_id        uuid NOT NULL,
  -- The event that told its outcome: what a reorganization takes back.
  outcome_event_id     uuid,
  failure_reason       text,
  settled_by           text CHECK (settled_by IN ('us', 'other')),
  settled_transaction  text CHECK (settled_transaction ~ '^0x[0-9a-f]{64}$'),
  settled_block_number bigint CHECK (settled_block_number >= 0),
  settled_block_hash   text CHECK (settled_block_hash ~ '^0x[0-9a-f]{64}$'),
  settled_block_time   bigint CHECK (settled_block_time >= 0),
  settled_log_index    integer CHECK (settled_log_index >= 0),
  -- When the facilitator saw the authorization unused: a log that uses it is not older.
  accepted_at          timestamptz NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_identity UNIQUE (chain_id, asset, payer, nonce),
  CONSTRAINT payment_settled_is_known CHECK (
    (state = 'confirmed') = (num_nulls(settled_by, settled_transaction, settled_block_number, settled_block_hash,
                                       settled_block_time, settled_log_index) = 0)
    AND num_nulls(settled_by, settled_transaction, settled_block_number, settled_block_hash,
                  settled_block_time, settled_log_index) IN (0, 6)
  ),
  CONSTRAINT payment_failed_has_a_reason CHECK (state <> 'failed' OR failure_reason IS NOT NULL),
  CONSTRAINT payment_outcome_is_told CHECK (state NOT IN ('confirmed', 'failed') OR outcome_event_id IS NOT NULL)
);

-- The queue of a chain, by deadline.
CREATE INDEX payment_queue ON settlement.payment (chain_id, valid_before, position) WHERE state = 'queued';
-- What a reorganization may take back.
CREATE INDEX payment_settled_block ON settlement.payment (chain_id, settled_block_number) WHERE state = 'confirmed';

-- An expiry that came before its payment: the queue must not take the payment in any more.
CREATE TABLE settlement.expiry (
  payment_id uuid PRIMARY KEY,
  event_id   uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A key that pays gas. Whoever holds its lease may sign with it; the token says which holding: it grows with each change
-- of hands, and what is signed carries it, so that a holder that slept past its lease can store nothing any more.
CREATE TABLE settlement.relayer (
  chain_id     text NOT NULL CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  address      text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
  next_nonce   bigint NOT NULL CHECK (next_nonce >= 0),
  lease_holder uuid,
  lease_token  bigint NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
  lease_until  timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (chain_id, address)
);

-- One nonce of a relayer and what it carries: payments of one asset, or nothing, to close a gap.
CREATE TABLE settlement.batch (
  batch_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  chain_id     text NOT NULL,
  relayer      text NOT NULL,
  nonce        bigint NOT NULL CHECK (nonce >= 0),
  lease_token  bigint NOT NULL,
  asset        text CHECK (asset ~ '^0x[0-9a-f]{40}$'),
  size         integer NOT NULL CHECK (size BETWEEN 0 AND 1000),
  gas_limit    numeric(78, 0) NOT NULL CHECK (gas_limit BETWEEN 21000 AND 16777216),
  -- The chain's head when its newest transaction was signed.
  signed_at    bigint NOT NULL CHECK (signed_at >= 0),
  state        text NOT NULL DEFAULT 'outstanding'
                 CONSTRAINT batch_state CHECK (state IN ('outstanding', 'mined', 'displaced')),
  mined_hash   text CHECK (mined_hash ~ '^0x[0-9a-f]{64}$'),
  succeeded    boolean,
  block_number bigint CHECK (block_number >= 0),
  block_hash   text CHECK (block_hash ~ '^0x[0-9a-f]{64}$'),
  block_time   bigint CHECK (block_time >= 0),
  gas_used     numeric(78, 0) CHECK (gas_used >= 0),
  gas_price    numeric(78, 0) CHECK (gas_price >= 0),
  l1_fee       numeric(78, 0) CHECK (l1_fee >= 0),
  fee          numeric(78, 0) CHECK (fee >= 0),
  -- The event that told of a batch without payments.
  filled_event_id uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT batch_nonce UNIQUE (chain_id, relayer, nonce),
  CONSTRAINT batch_relayer FOREIGN KEY (chain_id, relayer) REFERENCES settlement.relayer (chain_id, address),
  CONSTRAINT batch_asset_unless_empty CHECK ((size = 0) = (asset IS NULL)),
  CONSTRAINT batch_mined_is_located CHECK (
    (state = 'mined') = (num_nulls(mined_hash, succeeded, block_number, block_hash, block_time, gas_used, gas_price, l1_fee, fee) = 0)
    AND num_nulls(mined_hash, succeeded, block_number, block_hash, block_time, gas_used, gas_price, l1_fee, fee) IN (0, 9)
  )
);
CREATE INDEX batch_outstanding ON settlement.batch (chain_id, relayer, nonce) WHERE state = 'outstanding';
CREATE INDEX batch_block ON settlement.batch (chain_id, block_number) WHERE state = 'mined';
CREATE INDEX batch_displaced ON settlement.batch (chain_id, updated_at) WHERE state = 'displaced';

-- The signed transactions of a batch: the first, and those that replace it at a higher fee. All carry the same.
CREATE TABLE settlement.transaction (
  hash                     text PRIMARY KEY CHECK (hash ~ '^0x[0-9a-f]{64}$'),
  batch_id                 bigint NOT NULL REFERENCES settlement.batch (batch_id),
  version                  integer NOT NULL CHECK (version BETWEEN 1 AND 100),
  -- 128 KB is what nodes take.
  raw                      text NOT NULL CHECK (raw ~ '^0x([0-9a-f]{2})+$' AND length(raw) <= 262146),
  max_fee_per_gas          numeric(78, 0) NOT NULL CHECK (max_fee_per_gas >= 0),
  max_priority_fee_per_gas numeric(78, 0) NOT NULL CHECK (max_priority_fee_per_gas BETWEEN 0 AND max_fee_per_gas),
  created_at               timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT transaction_version UNIQUE (batch_id, version)
);

-- A payment's part in a batch: its n-th try.
CREATE TABLE settlement.attempt (
  payment_id  uuid NOT NULL REFERENCES settlement.payment (payment_id),
  n           integer NOT NULL CHECK (n >= 1),
  batch_id    bigint NOT NULL REFERENCES settlement.batch (batch_id),
  position    integer NOT NULL CHECK (position BETWEEN 0 AND 999),
  state       text NOT NULL DEFAULT 'outstanding'
                CONSTRAINT attempt_state CHECK (state IN ('outstanding', 'landed', 'missed', 'reverted', 'displaced')),
  -- Its part of what the batch cost; the parts sum to the whole.
  gas_used    numeric(78, 0) CHECK (gas_used >= 0),
  l1_fee      numeric(78, 0) CHECK (l1_fee >= 0),
  fee         numeric(78, 0) CHECK (fee >= 0),
  -- The event that told how it ended.
  event_id    uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (payment_id, n),
  CONSTRAINT attempt_place UNIQUE (batch_id, position),
  CONSTRAINT attempt_mined_has_its_cost CHECK (
    (state IN ('landed', 'missed', 'reverted')) = (num_nulls(gas_used, l1_fee, fee) = 0)
    AND num_nulls(gas_used, l1_fee, fee) IN (0, 3)
  ),
  CONSTRAINT attempt_end_is_told CHECK ((state = 'outstanding') = (event_id IS NULL))
);

-- The last block of each chain whose logs have been applied, and the last that is final.
CREATE TABLE settlement.follower_cursor (
  chain_id     text PRIMARY KEY CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  block_number bigint NOT NULL CHECK (block_number >= 0),
  block_hash   text NOT NULL CHECK (block_hash ~ '^0x[0-9a-f]{64}$'),
  final_number bigint NOT NULL DEFAULT 0 CHECK (final_number >= 0),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

-- Applied blocks that may still leave the chain, as far as their hashes are known.
CREATE TABLE settlement.block (
  chain_id     text NOT NULL,
  block_number bigint NOT NULL CHECK (block_number >= 0),
  block_hash   text NOT NULL CHECK (block_hash ~ '^0x[0-9a-f]{64}$'),
  PRIMARY KEY (chain_id, block_number)
);

-- Whether a chain can settle at all; a row comes with the first suspension.
CREATE TABLE settlement.chain_status (
  chain_id         text PRIMARY KEY CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  suspended_reason text,
  last_event_id    uuid NOT NULL,
  updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION settlement.guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.payment_id, NEW.chain_id, NEW.asset, NEW.payer, NEW.pay_to, NEW.amount, NEW.valid_after, NEW.valid_before,
      NEW.nonce, NEW.signature, NEW.position, NEW.accepted_at, NEW.created_at)
     IS DISTINCT FROM
     (OLD.payment_id, OLD.chain_id, OLD.asset, OLD.payer, OLD.pay_to, OLD.amount, OLD.valid_after, OLD.valid_before,
      OLD.nonce, OLD.signature, OLD.position, OLD.accepted_at, OLD.created_at) THEN
    RAISE EXCEPTION 'what was authorized never changes' USING ERRCODE = '23514', CONSTRAINT = 'payment_authorization_fixed';
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('queued', 'submitted'), ('queued', 'confirmed'), ('queued', 'failed'), ('queued', 'expired'),
    ('submitted', 'confirmed'), ('submitted', 'failed'), ('submitted', 'queued'),
    ('failed', 'confirmed'), ('expired', 'confirmed'),
    ('confirmed', 'submitted'), ('confirmed', 'queued'), ('failed', 'submitted'), ('failed', 'queued')) THEN
    RAISE EXCEPTION 'a payment does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'payment_transition';
  END IF;
  IF NEW.attempts <> OLD.attempts
     AND (NEW.attempts <> OLD.attempts + 1 OR OLD.state <> 'queued' OR NEW.state <> 'submitted') THEN
    RAISE EXCEPTION 'an attempt is counted when a queued payment is submitted, and only then'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_attempts_counted';
  END IF;
  IF OLD.state IN ('confirmed', 'failed') AND NEW.state IN ('submitted', 'queued') AND NEW.reorgs <> OLD.reorgs + 1 THEN
    RAISE EXCEPTION 'what was told is taken back by a reorganization only, and counted'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_reorgs_counted';
  END IF;
  IF OLD.state = 'confirmed' AND NEW.state <> 'confirmed' AND EXISTS (
       SELECT FROM settlement.follower_cursor c
        WHERE c.chain_id = OLD.chain_id AND c.block_number >= OLD.settled_block_number) THEN
    RAISE EXCEPTION 'a confirmed payment goes back only when its block has left the chain'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_reorged_only';
  END IF;
  IF OLD.state = 'confirmed' AND NEW.state = 'confirmed' AND
     (NEW.settled_by, NEW.settled_transaction, NEW.settled_block_number, NEW.settled_block_hash, NEW.settled_block_time,
      NEW.settled_log_index)
     IS DISTINCT FROM
     (OLD.settled_by, OLD.settled_transaction, OLD.settled_block_number, OLD.settled_block_hash, OLD.settled_block_time,
      OLD.settled_log_index) THEN
    RAISE EXCEPTION 'what confirmed a payment never changes' USING ERRCODE = '23514', CONSTRAINT = 'payment_settled_fixed';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_new_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state NOT IN ('queued', 'expired') OR NEW.attempts <> 0 THEN
    RAISE EXCEPTION 'a payment begins queued, or expired when that came first, with nothing signed'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_beginning';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.batch_id, NEW.chain_id, NEW.relayer, NEW.nonce, NEW.lease_token, NEW.asset, NEW.size, NEW.gas_limit, NEW.created_at)
     IS DISTINCT FROM
     (OLD.batch_id, OLD.chain_id, OLD.relayer, OLD.nonce, OLD.lease_token, OLD.asset, OLD.size, OLD.gas_limit, OLD.created_at) THEN
    RAISE EXCEPTION 'what a batch carries never changes' USING ERRCODE = '23514', CONSTRAINT = 'batch_fixed';
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('outstanding', 'mined'), ('outstanding', 'displaced'), ('displaced', 'mined'), ('mined', 'outstanding')) THEN
    RAISE EXCEPTION 'a batch does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'batch_transition';
  END IF;
  IF OLD.state = 'mined' AND NEW.state = 'outstanding' AND EXISTS (
       SELECT FROM settlement.follower_cursor c
        WHERE c.chain_id = OLD.chain_id AND c.block_number >= OLD.block_number) THEN
    RAISE EXCEPTION 'a mined batch goes back only when its block has left the chain'
      USING ERRCODE = '23514', CONSTRAINT = 'batch_reorged_only';
  END IF;
  IF OLD.state = 'mined' AND NEW.state = 'mined' AND
     (NEW.mined_hash, NEW.succeeded, NEW.block_number, NEW.block_hash, NEW.block_time, NEW.gas_used, NEW.gas_price, NEW.l1_fee, NEW.fee)
     IS DISTINCT FROM
     (OLD.mined_hash, OLD.succeeded, OLD.block_number, OLD.block_hash, OLD.block_time, OLD.gas_used, OLD.gas_price, OLD.l1_fee, OLD.fee) THEN
    RAISE EXCEPTION 'what a batch cost never changes' USING ERRCODE = '23514', CONSTRAINT = 'batch_mined_fixed';
  END IF;
  RETURN NEW;
END $$;

-- Signed under a lease: the token must be the relayer's present one. The row is locked, so that the lease cannot change
-- hands between this look and the commit.
CREATE FUNCTION settlement.guard_new_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  signer settlement.relayer%ROWTYPE;
BEGIN
  SELECT * INTO signer FROM settlement.relayer WHERE chain_id = NEW.chain_id AND address = NEW.relayer FOR NO KEY UPDATE;
  IF NEW.state <> 'outstanding' THEN
    RAISE EXCEPTION 'a batch begins outstanding' USING ERRCODE = '23514', CONSTRAINT = 'batch_beginning';
  END IF;
  IF signer.lease_holder IS NULL OR signer.lease_token <> NEW.lease_token THEN
    RAISE EXCEPTION 'the lease of the relayer has passed on' USING ERRCODE = '23514', CONSTRAINT = 'batch_lease';
  END IF;
  IF NEW.nonce >= signer.next_nonce THEN
    RAISE EXCEPTION 'a nonce is taken from the relayer before it is used' USING ERRCODE = '23514', CONSTRAINT = 'batch_nonce_taken';
  END IF;
  RETURN NEW;
END $$;

-- A replacement follows the version before it, pays at least a tenth more, and is signed under the present lease.
CREATE FUNCTION settlement.guard_new_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  carried settlement.batch%ROWTYPE;
  before settlement.transaction%ROWTYPE;
  present bigint;
BEGIN
  SELECT * INTO carried FROM settlement.batch WHERE batch_id = NEW.batch_id;
  SELECT lease_token INTO present FROM settlement.relayer
   WHERE chain_id = carried.chain_id AND address = carried.relayer AND lease_holder IS NOT NULL FOR NO KEY UPDATE;
  SELECT * INTO before FROM settlement.transaction WHERE batch_id = NEW.batch_id ORDER BY version DESC LIMIT 1;
  IF carried.state <> 'outstanding' OR NEW.version <> coalesce(before.version, 0) + 1 THEN
    RAISE EXCEPTION 'a transaction is the next version of an outstanding batch'
      USING ERRCODE = '23514', CONSTRAINT = 'transaction_beginning';
  END IF;
  IF before.version IS NULL AND present IS DISTINCT FROM carried.lease_token OR present IS NULL THEN
    RAISE EXCEPTION 'the lease of the relayer has passed on' USING ERRCODE = '23514', CONSTRAINT = 'transaction_lease';
  END IF;
  IF before.version IS NOT NULL AND (NEW.max_fee_per_gas * 10 < before.max_fee_per_gas * 11
     OR NEW.max_priority_fee_per_gas * 10 < before.max_priority_fee_per_gas * 11) THEN
    RAISE EXCEPTION 'a replacement pays at least a tenth more' USING ERRCODE = '23514', CONSTRAINT = 'transaction_bump';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.payment_id, NEW.n, NEW.batch_id, NEW.position, NEW.created_at)
     IS DISTINCT FROM (OLD.payment_id, OLD.n, OLD.batch_id, OLD.position, OLD.created_at) THEN
    RAISE EXCEPTION 'what was signed never changes' USING ERRCODE = '23514', CONSTRAINT = 'attempt_fixed';
  END IF;
  IF NEW.state <> OLD.state AND OLD.state NOT IN ('outstanding', 'displaced') AND (
       NEW.state <> 'outstanding'
       OR (SELECT b.state FROM settlement.batch b WHERE b.batch_id = NEW.batch_id) <> 'outstanding') THEN
    RAISE EXCEPTION 'an attempt does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_transition';
  END IF;
  IF OLD.state = 'displaced' AND NEW.state NOT IN ('displaced', 'landed', 'missed', 'reverted') THEN
    RAISE EXCEPTION 'an attempt does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_transition';
  END IF;
  RETURN NEW;
END $$;

-- An attempt is only ever stored for a payment that is being submitted, as the number that the payment counts, and while
-- nothing else of ours is under way for it: nothing is signed again while the outcome of what was signed is unknown.
CREATE FUNCTION settlement.guard_new_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  counted settlement.payment%ROWTYPE;
  carried settlement.batch%ROWTYPE;
BEGIN
  SELECT * INTO counted FROM settlement.payment WHERE payment_id = NEW.payment_id;
  SELECT * INTO carried FROM settlement.batch WHERE batch_id = NEW.batch_id;
  IF NEW.state <> 'outstanding' OR counted.state <> 'submitted' OR counted.attempts <> NEW.n
     OR carried.state <> 'outstanding' OR (counted.chain_id, counted.asset) IS DISTINCT FROM (carried.chain_id, carried.asset)
     OR NEW.position >= carried.size THEN
    RAISE EXCEPTION 'an attempt belongs to a submitted payment, in a batch of its chain and asset, and carries the next number'
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_beginning';
  END IF;
  IF EXISTS (SELECT FROM settlement.attempt a WHERE a.payment_id = NEW.payment_id AND a.state = 'outstanding') THEN
    RAISE EXCEPTION 'nothing is signed again while the outcome of what was signed is unknown'
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_one_outstanding';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_relayer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.next_nonce < OLD.next_nonce OR (NEW.chain_id, NEW.address) IS DISTINCT FROM (OLD.chain_id, OLD.address) THEN
    RAISE EXCEPTION 'a nonce once given is never given again' USING ERRCODE = '23514', CONSTRAINT = 'relayer_nonce_forward';
  END IF;
  IF NEW.lease_holder IS NOT NULL AND NEW.lease_holder IS DISTINCT FROM OLD.lease_holder
     AND (NEW.lease_token <> OLD.lease_token + 1 OR OLD.lease_until > clock_timestamp()) THEN
    RAISE EXCEPTION 'a lease changes hands when it has ended, with the next token'
      USING ERRCODE = '23514', CONSTRAINT = 'relayer_lease';
  END IF;
  IF NEW.lease_token < OLD.lease_token OR NEW.lease_token > OLD.lease_token + 1 THEN
    RAISE EXCEPTION 'tokens of leases count up' USING ERRCODE = '23514', CONSTRAINT = 'relayer_lease_token';
  END IF;
  RETURN NEW;
END $$;

-- Back only as far as the chain may still change its mind.
CREATE FUNCTION settlement.guard_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.final_number < OLD.final_number OR NEW.chain_id <> OLD.chain_id THEN
    RAISE EXCEPTION 'what is final stays final' USING ERRCODE = '23514', CONSTRAINT = 'follower_cursor_final';
  END IF;
  IF NEW.block_number < OLD.block_number AND NEW.block_number < OLD.final_number THEN
    RAISE EXCEPTION 'a chain is not read again from below its final block'
      USING ERRCODE = '23514', CONSTRAINT = 'follower_cursor_forward';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of settlement.% are kept', TG_TABLE_NAME USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_kept';
END $$;

CREATE TRIGGER payment_guard BEFORE UPDATE ON settlement.payment FOR EACH ROW EXECUTE FUNCTION settlement.guard_payment();
CREATE TRIGGER payment_begin BEFORE INSERT ON settlement.payment FOR EACH ROW EXECUTE FUNCTION settlement.guard_new_payment();
CREATE TRIGGER payment_kept BEFORE DELETE OR TRUNCATE ON settlement.payment FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER batch_guard BEFORE UPDATE ON settlement.batch FOR EACH ROW EXECUTE FUNCTION settlement.guard_batch();
CREATE TRIGGER batch_begin BEFORE INSERT ON settlement.batch FOR EACH ROW EXECUTE FUNCTION settlement.guard_new_batch();
CREATE TRIGGER batch_kept BEFORE DELETE OR TRUNCATE ON settlement.batch FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER transaction_begin BEFORE INSERT ON settlement.transaction FOR EACH ROW EXECUTE FUNCTION settlement.guard_new_transaction();
CREATE TRIGGER transaction_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement.transaction FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER attempt_guard BEFORE UPDATE ON settlement.attempt FOR EACH ROW EXECUTE FUNCTION settlement.guard_attempt();
CREATE TRIGGER attempt_begin BEFORE INSERT ON settlement.attempt FOR EACH ROW EXECUTE FUNCTION settlement.guard_new_attempt();
CREATE TRIGGER attempt_kept BEFORE DELETE OR TRUNCATE ON settlement.attempt FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER relayer_guard BEFORE UPDATE ON settlement.relayer FOR EACH ROW EXECUTE FUNCTION settlement.guard_relayer();
CREATE TRIGGER relayer_kept BEFORE DELETE OR TRUNCATE ON settlement.relayer FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER follower_cursor_guard BEFORE UPDATE ON settlement.follower_cursor FOR EACH ROW EXECUTE FUNCTION settlement.guard_cursor();
CREATE TRIGGER follower_cursor_kept BEFORE DELETE OR TRUNCATE ON settlement.follower_cursor FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER chain_status_kept BEFORE DELETE OR TRUNCATE ON settlement.chain_status FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();

REVOKE ALL ON settlement.payment, settlement.expiry, settlement.relayer, settlement.batch, settlement.transaction, settlement.attempt,
              settlement.follower_cursor, settlement.block, settlement.chain_status FROM quittance_settlement;
GRANT SELECT, INSERT, UPDATE ON settlement.payment, settlement.relayer, settlement.batch, settlement.attempt,
              settlement.follower_cursor, settlement.chain_status TO quittance_settlement;
GRANT SELECT, INSERT ON settlement.expiry, settlement.transaction TO quittance_settlement;
GRANT SELECT, INSERT, DELETE ON settlement.block TO quittance_settlement;
