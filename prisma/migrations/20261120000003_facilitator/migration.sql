-- The payment registry: what was accepted, and what became of it. The facilitator may add payments and move their state
-- forward, and back only where the chain itself went back; who pays whom how much never changes, and every change of
-- state leaves a row that nobody can remove.

CREATE TABLE facilitator.payment (
  id                  uuid PRIMARY KEY,
  chain_id            text NOT NULL CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  asset               text NOT NULL CHECK (asset ~ '^0x[0-9a-f]{40}$'),
  payer               text NOT NULL CHECK (payer ~ '^0x[0-9a-f]{40}$'),
  nonce               text NOT NULL CHECK (nonce ~ '^0x[0-9a-f]{64}$'),
  pay_to              text NOT NULL CHECK (pay_to ~ '^0x[0-9a-f]{40}$'),
  amount              numeric(78, 0) NOT NULL,
  valid_after         numeric(78, 0) NOT NULL CHECK (valid_after >= 0),
  valid_before        numeric(78, 0) NOT NULL CHECK (valid_before >= 0),
  x402_version        smallint NOT NULL CHECK (x402_version IN (1, 2)),
  network_as_written  text NOT NULL CHECK (length(network_as_written) <= 100),
  scheme              text NOT NULL CHECK (length(scheme) <= 100),
  resource            text CHECK (length(resource) <= 2048),
  -- Of the whole request: the same authorization with another request around it is a conflict.
  fingerprint         text NOT NULL CHECK (fingerprint ~ '^0x[0-9a-f]{64}$'),
  state               text NOT NULL DEFAULT 'accepted',
  reason              text CHECK (length(reason) <= 100),
  detail              text CHECK (length(detail) <= 500),
  transaction_hash    text CHECK (transaction_hash ~ '^0x[0-9a-f]{64}$'),
  block_number        bigint CHECK (block_number >= 0),
  authorization_spent boolean,
  -- The event behind the state: ours for accepted and expired, the settlement service's for the rest.
  last_event_id       uuid NOT NULL,
  accepted_at         timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_identity UNIQUE (chain_id, asset, payer, nonce),
  CONSTRAINT payment_amount_uint256 CHECK (
    amount >= 0 AND amount <= 115792089237316195423570985008687907853269984665640564039457584007913129639935),
  CONSTRAINT payment_state CHECK (state IN ('accepted', 'submitted', 'confirmed', 'failed', 'expired')),
  CONSTRAINT payment_submitted_has_a_hash CHECK (state <> 'submitted' OR transaction_hash IS NOT NULL),
  CONSTRAINT payment_undecided_has_no_outcome CHECK (
    state NOT IN ('accepted', 'submitted') OR num_nonnulls(reason, detail, block_number, authorization_spent) = 0),
  CONSTRAINT payment_confirmed_is_located CHECK (state <> 'confirmed' OR num_nulls(transaction_hash, block_number) = 0),
  CONSTRAINT payment_failed_has_a_reason CHECK (state <> 'failed' OR num_nulls(reason, authorization_spent) = 0)
);

-- What counts against a payer's balance, one index for each branch of the sum.
CREATE INDEX payment_open ON facilitator.payment (chain_id, asset, payer) WHERE state IN ('accepted', 'submitted');
CREATE INDEX payment_confirmed ON facilitator.payment (chain_id, asset, payer, block_number) WHERE state = 'confirmed';
CREATE INDEX payment_failed_unspent ON facilitator.payment (chain_id, asset, payer, valid_before)
  WHERE state = 'failed' AND NOT authorization_spent;
-- What may have expired.
CREATE INDEX payment_accepted ON facilitator.payment (chain_id, valid_before, id) WHERE state = 'accepted';

-- The audit trail. Written by a trigger only, so that no change of state can forget it.
CREATE TABLE facilitator.payment_transition (
  sequence         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_id       uuid NOT NULL REFERENCES facilitator.payment (id),
  from_state       text,
  to_state         text NOT NULL,
  event_id         uuid NOT NULL,
  reason           text,
  transaction_hash text,
  at               timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX payment_transition_payment ON facilitator.payment_transition (payment_id, sequence);

-- Each transaction of ours that was signed for a payment, and what came of it. A version is a transaction that replaced
-- the one before it at the same nonce.
CREATE TABLE facilitator.payment_attempt (
  payment_id       uuid NOT NULL REFERENCES facilitator.payment (id),
  attempt          integer NOT NULL CHECK (attempt >= 1),
  version          integer NOT NULL CHECK (version >= 1),
  transaction_hash text NOT NULL CHECK (transaction_hash ~ '^0x[0-9a-f]{64}$'),
  relayer          text CHECK (relayer ~ '^0x[0-9a-f]{40}$'),
  relayer_nonce    numeric(78, 0) CHECK (relayer_nonce >= 0),
  batch_size       integer CHECK (batch_size >= 1),
  submitted_at     timestamptz NOT NULL,
  outcome          text NOT NULL CHECK (
    outcome IN ('pending', 'settled', 'replaced', 'displaced', 'missed', 'reverted', 'reorged')),
  -- The event that told of the outcome; a reorganization takes back what that event told.
  outcome_event_id uuid,
  block_number     bigint CHECK (block_number >= 0),
  fee              numeric(78, 0) CHECK (fee >= 0),
  PRIMARY KEY (payment_id, attempt, version),
  CONSTRAINT payment_attempt_first_is_whole CHECK (version > 1 OR num_nulls(relayer, relayer_nonce, batch_size) = 0),
  CONSTRAINT payment_attempt_outcome_told CHECK (outcome = 'pending' OR outcome_event_id IS NOT NULL),
  CONSTRAINT payment_attempt_settled_is_located CHECK (outcome <> 'settled' OR block_number IS NOT NULL),
  CONSTRAINT payment_attempt_unmined_is_free CHECK (
    outcome IN ('settled', 'missed', 'reverted') OR num_nonnulls(block_number, fee) = 0)
);

-- What is known of a chain as a whole.
CREATE TABLE facilitator.chain (
  chain_id              text PRIMARY KEY CHECK (chain_id ~ '^eip155:[1-9][0-9]{0,30}$'),
  -- Everything up to here is final.
  final_block           bigint CHECK (final_block >= 0),
  suspended_reason      text CHECK (length(suspended_reason) <= 100),
  suspended_detail      text CHECK (length(suspended_detail) <= 500),
  -- When the settlement service last suspended or resumed it.
  suspension_changed_at timestamptz,
  CONSTRAINT chain_suspension_whole CHECK (num_nulls(suspended_reason, suspended_detail) IN (0, 2)),
  CONSTRAINT chain_suspension_dated CHECK (suspended_reason IS NULL OR suspension_changed_at IS NOT NULL)
);

CREATE FUNCTION facilitator.guard_new_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.state <> 'accepted'
     OR num_nonnulls(NEW.reason, NEW.detail, NEW.transaction_hash, NEW.block_number, NEW.authorization_spent) > 0 THEN
    RAISE EXCEPTION 'a payment begins accepted, with nothing known of its outcome'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_beginning', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  RETURN NEW;
END
$$;

CREATE FUNCTION facilitator.guard_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.chain_id, NEW.asset, NEW.payer, NEW.nonce, NEW.pay_to, NEW.amount, NEW.valid_after, NEW.valid_before,
      NEW.x402_version, NEW.network_as_written, NEW.scheme, NEW.resource, NEW.fingerprint, NEW.accepted_at)
     IS DISTINCT FROM
     (OLD.id, OLD.chain_id, OLD.asset, OLD.payer, OLD.nonce, OLD.pay_to, OLD.amount, OLD.valid_after, OLD.valid_before,
      OLD.x402_version, OLD.network_as_written, OLD.scheme, OLD.resource, OLD.fingerprint, OLD.accepted_at) THEN
    RAISE EXCEPTION 'what was accepted never changes'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_fixed', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  -- The one way back, for when the block of the outcome left the chain: under way again, with the hash it had.
  IF OLD.state = 'confirmed' AND NEW IS DISTINCT FROM OLD
     AND (NEW.state, NEW.transaction_hash) IS DISTINCT FROM ('submitted', OLD.transaction_hash) THEN
    RAISE EXCEPTION 'a confirmed payment never changes, unless its block left the chain'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_confirmed_fixed', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  IF OLD.state = 'failed' AND NEW.state = 'submitted'
     AND OLD.transaction_hash IS NOT NULL AND NEW.transaction_hash <> OLD.transaction_hash THEN
    RAISE EXCEPTION 'a payment goes back with the hash it had'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_way_back', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  IF OLD.transaction_hash IS NOT NULL AND NEW.transaction_hash IS NULL THEN
    RAISE EXCEPTION 'a hash once known is never forgotten'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_hash_kept', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
    ('accepted', 'submitted'), ('accepted', 'confirmed'), ('accepted', 'failed'), ('accepted', 'expired'),
    ('submitted', 'confirmed'), ('submitted', 'failed'), ('failed', 'confirmed'), ('expired', 'confirmed'),
    ('confirmed', 'submitted'), ('failed', 'submitted')) THEN
    RAISE EXCEPTION 'a payment does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_transition', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  IF (NEW.state, NEW.transaction_hash) IS DISTINCT FROM (OLD.state, OLD.transaction_hash)
     AND NEW.last_event_id = OLD.last_event_id THEN
    RAISE EXCEPTION 'a change of state names the event behind it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_event_named', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  RETURN NEW;
END
$$;

-- Runs as the owner, so that the service itself needs no right to write the trail.
CREATE FUNCTION facilitator.record_transition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO facilitator.payment_transition (payment_id, from_state, to_state, event_id)
    VALUES (NEW.id, NULL, NEW.state, NEW.last_event_id);
  ELSIF (NEW.state, NEW.transaction_hash) IS DISTINCT FROM (OLD.state, OLD.transaction_hash) THEN
    INSERT INTO facilitator.payment_transition (payment_id, from_state, to_state, event_id, reason, transaction_hash)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.last_event_id,
            CASE WHEN NEW.state = 'failed' THEN NEW.reason END, NEW.transaction_hash);
    -- Whoever waits, waits for the outcome; what is on its way is looked up when his time is up.
    IF NEW.state IN ('confirmed', 'failed', 'expired') THEN
      PERFORM pg_notify('quittance_facilitator_payment', NEW.id::text);
    END IF;
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION facilitator.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'facilitator.%: % is refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_kept', SCHEMA = 'facilitator', TABLE = TG_TABLE_NAME;
END
$$;

CREATE FUNCTION facilitator.refuse_other_attempt() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what was signed never changes'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_attempt_fixed', SCHEMA = 'facilitator', TABLE = 'payment_attempt';
END
$$;

CREATE FUNCTION facilitator.guard_chain() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.chain_id <> OLD.chain_id
     OR (OLD.final_block IS NOT NULL AND (NEW.final_block IS NULL OR NEW.final_block < OLD.final_block)) THEN
    RAISE EXCEPTION 'what is final stays final'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_final_forward', SCHEMA = 'facilitator', TABLE = 'chain';
  END IF;
  IF OLD.suspension_changed_at IS NOT NULL
     AND (NEW.suspension_changed_at IS NULL OR NEW.suspension_changed_at < OLD.suspension_changed_at) THEN
    RAISE EXCEPTION 'old news of a chain changes nothing'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_suspension_forward', SCHEMA = 'facilitator', TABLE = 'chain';
  END IF;
  RETURN NEW;
END
$$;

-- What counts against a payer's balance that was read at a block: what is reserved, what was confirmed only after that
-- block, and what we gave up though anybody who saw the authorization could still land it.
CREATE FUNCTION facilitator.in_flight(of_chain text, of_asset text, of_payer text, at_block bigint, at_time numeric,
                                      landed text[])
RETURNS numeric LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT coalesce(sum(amount), 0) FROM (
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state IN ('accepted', 'submitted')
       AND nonce <> ALL (landed)
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'confirmed' AND block_number > at_block
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'failed' AND NOT authorization_spent
       AND valid_before > at_time AND nonce <> ALL (landed)) AS counted);
END
$$;

-- Reserves payments, each with its event, unless its identity is taken or the payer cannot cover it: one outcome for
-- each, in the order given. One call and one commit for all who ask at once, and the payments of one purse, which queue
-- for its lock, hold it no longer than that takes. Runs with the service's own rights: every guard applies.
CREATE FUNCTION facilitator.reserve_many(reservations jsonb[])
RETURNS TABLE (outcome text, counted numeric)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  reservation jsonb;
  asked facilitator.payment;
  landed text[];
  -- What is told of those that are reserved.
  ids uuid[] := '{}';
  topics text[] := '{}';
  partitions integer[] := '{}';
  keys text[] := '{}';
  vals text[] := '{}';
BEGIN
  -- In one order for everybody, so that two calls that share purses never wait for each other in a circle.
  PERFORM pg_advisory_xact_lock(lock_key) FROM (
    SELECT DISTINCT hashtextextended(format('facilitator.purse:%s:%s:%s',
             r -> 'terms' ->> 'chain_id', r -> 'terms' ->> 'asset', r -> 'terms' ->> 'payer'), 0) AS lock_key
      FROM unnest(reservations) AS r ORDER BY lock_key) AS purse;
  FOREACH reservation IN ARRAY reservations LOOP
    asked := jsonb_populate_record(NULL::facilitator.payment, reservation -> 'terms');
    landed := ARRAY(SELECT jsonb_array_elements_text(reservation -> 'landed'));
    counted := NULL;
    -- Statements of their own: they must see what those who held the lock before us have committed.
    IF EXISTS (SELECT FROM facilitator.payment p WHERE p.id = asked.id) THEN
      outcome := 'exists';
    ELSE
      counted := facilitator.in_flight(asked.chain_id, asked.asset, asked.payer, (reservation ->> 'at_block')::bigint,
                                       (reservation ->> 'at_time')::numeric, landed);
      IF (reservation ->> 'balance')::numeric - counted < asked.amount THEN
        outcome := 'short';
      ELSE
        INSERT INTO facilitator.payment (id, chain_id, asset, payer, nonce, pay_to, amount, valid_after, valid_before,
                                         x402_version, network_as_written, scheme, resource, fingerprint, last_event_id)
        VALUES (asked.id, asked.chain_id, asked.asset, asked.payer, asked.nonce, asked.pay_to, asked.amount,
                asked.valid_after, asked.valid_before, asked.x402_version, asked.network_as_written, asked.scheme,
                asked.resource, asked.fingerprint, asked.last_event_id)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
          ids := ids || asked.last_event_id;
          topics := topics || (reservation ->> 'topic');
          partitions := partitions || (reservation ->> 'partition')::integer;
          keys := keys || (reservation ->> 'key');
          vals := vals || (reservation ->> 'accepted');
          outcome := 'reserved';
        ELSE
          outcome := 'exists';
        END IF;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  -- Last of all, for from here to the commit it may hold what every service waits for.
  IF cardinality(ids) > 0 THEN
    PERFORM facilitator.emit(ids, topics, partitions, keys, vals);
  END IF;
END
$$;

CREATE TRIGGER payment_begin BEFORE INSERT ON facilitator.payment
  FOR EACH ROW EXECUTE FUNCTION facilitator.guard_new_payment();
CREATE TRIGGER payment_guard BEFORE UPDATE ON facilitator.payment
  FOR EACH ROW EXECUTE FUNCTION facilitator.guard_payment();
CREATE TRIGGER payment_recorded AFTER INSERT OR UPDATE ON facilitator.payment
  FOR EACH ROW EXECUTE FUNCTION facilitator.record_transition();
CREATE TRIGGER payment_kept BEFORE DELETE OR TRUNCATE ON facilitator.payment
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();
CREATE TRIGGER payment_transition_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON facilitator.payment_transition
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();
CREATE TRIGGER payment_attempt_guard BEFORE UPDATE ON facilitator.payment_attempt
  FOR EACH ROW WHEN (
    (OLD.payment_id, OLD.attempt, OLD.version, OLD.transaction_hash, OLD.relayer, OLD.relayer_nonce, OLD.batch_size, OLD.submitted_at)
    IS DISTINCT FROM
    (NEW.payment_id, NEW.attempt, NEW.version, NEW.transaction_hash, NEW.relayer, NEW.relayer_nonce, NEW.batch_size, NEW.submitted_at))
  EXECUTE FUNCTION facilitator.refuse_other_attempt();
CREATE TRIGGER payment_attempt_kept BEFORE DELETE OR TRUNCATE ON facilitator.payment_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();
CREATE TRIGGER chain_guard BEFORE UPDATE ON facilitator.chain
  FOR EACH ROW EXECUTE FUNCTION facilitator.guard_chain();
CREATE TRIGGER chain_kept BEFORE DELETE OR TRUNCATE ON facilitator.chain
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();

GRANT SELECT ON facilitator.payment, facilitator.payment_transition, facilitator.payment_attempt, facilitator.chain
  TO quittance_facilitator;
GRANT INSERT ON facilitator.payment_attempt, facilitator.chain TO quittance_facilitator;
GRANT UPDATE (outcome, outcome_event_id, block_number, fee) ON facilitator.payment_attempt TO quittance_facilitator;
GRANT UPDATE (final_block, suspended_reason, suspended_detail, suspension_changed_at) ON facilitator.chain
  TO quittance_facilitator;
GRANT INSERT (id, chain_id, asset, payer, nonce, pay_to, amount, valid_after, valid_before, x402_version,
              network_as_written, scheme, resource, fingerprint, last_event_id)
  ON facilitator.payment TO quittance_facilitator;
GRANT UPDATE (state, reason, detail, transaction_hash, block_number, authorization_spent, last_event_id, updated_at)
  ON facilitator.payment TO quittance_facilitator;
GRANT EXECUTE ON FUNCTION facilitator.in_flight(text, text, text, bigint, numeric, text[]),
                          facilitator.reserve_many(jsonb[]) TO quittance_facilitator;
