-- The settlement service: what it must put on chain, what it signed, and how far it has read each chain.
-- Whatever protects money is guarded here too, so that a bug in the service meets a refusal instead of a second charge.

CREATE TABLE settlement.payment (
  payment_id           uuid PRIMARY KEY,
  -- First come, first served.
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
  -- The newest event about it, ours or the facilitator's: the cause of the next one.
  last_event_id        uuid NOT NULL,
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
  CONSTRAINT payment_failed_has_a_reason CHECK (state <> 'failed' OR failure_reason IS NOT NULL)
);

CREATE INDEX payment_queue ON settlement.payment (chain_id, position) WHERE state = 'queued';

-- An expiry that came before its payment: the queue must not take the payment in any more.
CREATE TABLE settlement.expiry (
  payment_id uuid PRIMARY KEY,
  event_id   uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE settlement.relayer (
  chain_id   text NOT NULL CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  address    text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
  next_nonce bigint NOT NULL CHECK (next_nonce >= 0),
  PRIMARY KEY (chain_id, address)
);

CREATE TABLE settlement.attempt (
  payment_id               uuid NOT NULL REFERENCES settlement.payment (payment_id),
  n                        integer NOT NULL CHECK (n >= 1),
  chain_id                 text NOT NULL,
  relayer                  text NOT NULL,
  nonce                    bigint NOT NULL CHECK (nonce >= 0),
  raw                      text NOT NULL CHECK (raw ~ '^0x([0-9a-f]{2})+$'),
  hash                     text NOT NULL CHECK (hash ~ '^0x[0-9a-f]{64}$'),
  gas_limit                numeric(78, 0) NOT NULL CHECK (gas_limit > 0),
  max_fee_per_gas          numeric(78, 0) NOT NULL CHECK (max_fee_per_gas >= 0),
  max_priority_fee_per_gas numeric(78, 0) NOT NULL CHECK (max_priority_fee_per_gas >= 0),
  state                    text NOT NULL DEFAULT 'outstanding'
                             CONSTRAINT attempt_state CHECK (state IN ('outstanding', 'succeeded', 'reverted', 'displaced')),
  block_number             bigint CHECK (block_number >= 0),
  gas_used                 numeric(78, 0) CHECK (gas_used >= 0),
  gas_price                numeric(78, 0) CHECK (gas_price >= 0),
  fee                      numeric(78, 0) CHECK (fee >= 0),
  created_at               timestamptz NOT NULL DEFAULT now(),
  updated_at               timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (payment_id, n),
  CONSTRAINT attempt_nonce UNIQUE (chain_id, relayer, nonce),
  CONSTRAINT attempt_hash UNIQUE (hash),
  CONSTRAINT attempt_relayer FOREIGN KEY (chain_id, relayer) REFERENCES settlement.relayer (chain_id, address),
  CONSTRAINT attempt_mined_has_its_cost CHECK (
    (state IN ('succeeded', 'reverted')) = (num_nulls(block_number, gas_used, gas_price, fee) = 0)
    AND num_nulls(block_number, gas_used, gas_price, fee) IN (0, 4)
  )
);

-- Nothing is signed again while the outcome of what was signed is unknown.
CREATE UNIQUE INDEX attempt_one_outstanding ON settlement.attempt (payment_id) WHERE state = 'outstanding';
CREATE INDEX attempt_outstanding ON settlement.attempt (chain_id, relayer, nonce) WHERE state = 'outstanding';

-- The last block of each chain whose logs have been applied.
CREATE TABLE settlement.follower_cursor (
  chain_id     text PRIMARY KEY CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  block_number bigint NOT NULL CHECK (block_number >= 0),
  updated_at   timestamptz NOT NULL DEFAULT now()
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
    ('failed', 'confirmed'), ('expired', 'confirmed')) THEN
    RAISE EXCEPTION 'a payment does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'payment_transition';
  END IF;
  IF NEW.attempts <> OLD.attempts + (CASE WHEN OLD.state = 'queued' AND NEW.state = 'submitted' THEN 1 ELSE 0 END) THEN
    RAISE EXCEPTION 'an attempt is counted when a queued payment is submitted, and only then'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_attempts_counted';
  END IF;
  IF OLD.state = 'confirmed' AND
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

CREATE FUNCTION settlement.guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.payment_id, NEW.n, NEW.chain_id, NEW.relayer, NEW.nonce, NEW.raw, NEW.hash, NEW.gas_limit, NEW.max_fee_per_gas,
      NEW.max_priority_fee_per_gas, NEW.created_at)
     IS DISTINCT FROM
     (OLD.payment_id, OLD.n, OLD.chain_id, OLD.relayer, OLD.nonce, OLD.raw, OLD.hash, OLD.gas_limit, OLD.max_fee_per_gas,
      OLD.max_priority_fee_per_gas, OLD.created_at) THEN
    RAISE EXCEPTION 'what was signed never changes' USING ERRCODE = '23514', CONSTRAINT = 'attempt_signed_fixed';
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('outstanding', 'succeeded'), ('outstanding', 'reverted'), ('outstanding', 'displaced'),
    ('displaced', 'succeeded'), ('displaced', 'reverted')) THEN
    RAISE EXCEPTION 'an attempt does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_transition';
  END IF;
  RETURN NEW;
END $$;

-- An attempt is only ever stored for a payment that is being submitted, as the number that the payment counts.
CREATE FUNCTION settlement.guard_new_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  counted settlement.payment%ROWTYPE;
BEGIN
  SELECT * INTO counted FROM settlement.payment WHERE payment_id = NEW.payment_id;
  IF NEW.state <> 'outstanding' OR counted.state <> 'submitted' OR counted.attempts <> NEW.n
     OR counted.chain_id <> NEW.chain_id THEN
    RAISE EXCEPTION 'an attempt belongs to a submitted payment of its chain and carries the next number'
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_beginning';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_relayer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.next_nonce < OLD.next_nonce OR (NEW.chain_id, NEW.address) IS DISTINCT FROM (OLD.chain_id, OLD.address) THEN
    RAISE EXCEPTION 'a nonce once given is never given again' USING ERRCODE = '23514', CONSTRAINT = 'relayer_nonce_forward';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement.guard_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.block_number < OLD.block_number OR NEW.chain_id <> OLD.chain_id THEN
    RAISE EXCEPTION 'a chain is followed forward only' USING ERRCODE = '23514', CONSTRAINT = 'follower_cursor_forward';
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
CREATE TRIGGER attempt_guard BEFORE UPDATE ON settlement.attempt FOR EACH ROW EXECUTE FUNCTION settlement.guard_attempt();
CREATE TRIGGER attempt_begin BEFORE INSERT ON settlement.attempt FOR EACH ROW EXECUTE FUNCTION settlement.guard_new_attempt();
CREATE TRIGGER attempt_kept BEFORE DELETE OR TRUNCATE ON settlement.attempt FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER relayer_guard BEFORE UPDATE ON settlement.relayer FOR EACH ROW EXECUTE FUNCTION settlement.guard_relayer();
CREATE TRIGGER relayer_kept BEFORE DELETE OR TRUNCATE ON settlement.relayer FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();
CREATE TRIGGER follower_cursor_guard BEFORE UPDATE ON settlement.follower_cursor FOR EACH ROW EXECUTE FUNCTION settlement.guard_cursor();
CREATE TRIGGER follower_cursor_kept BEFORE DELETE OR TRUNCATE ON settlement.follower_cursor FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_delete();

REVOKE ALL ON settlement.payment, settlement.expiry, settlement.relayer, settlement.attempt, settlement.follower_cursor FROM quittance_settlement;
GRANT SELECT, INSERT, UPDATE ON settlement.payment, settlement.relayer, settlement.attempt, settlement.follower_cursor TO quittance_settlement;
GRANT SELECT, INSERT ON settlement.expiry TO quittance_settlement;
