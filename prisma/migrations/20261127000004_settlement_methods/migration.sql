-- Payments by Permit2 and upto beside those by EIP-3009, and the gas that a payer is given for an approval.

-- ---------------------------------------------------------------------------------------------------------------------
-- What was authorized.

ALTER TABLE settlement.payment
  ADD COLUMN scheme      text NOT NULL DEFAULT 'exact'
    CONSTRAINT payment_scheme CHECK (scheme IN ('exact', 'upto')),
  ADD COLUMN method      text NOT NULL DEFAULT 'eip3009'
    CONSTRAINT payment_method CHECK (method IN ('eip3009', 'permit2')),
  -- Who keeps the nonce: the token, or Permit2 for all tokens.
  ADD COLUMN authority   text GENERATED ALWAYS AS
    (CASE method WHEN 'permit2' THEN '0x000000000022d473030f116ddee9f6b43ac78ba3' ELSE asset END) STORED,
  -- The most that may be taken, as signed; `amount` is what is taken.
  ADD COLUMN ceiling     numeric(78, 0),
  -- The one relayer that may send it, as signed.
  ADD COLUMN facilitator text CHECK (facilitator ~ '^0x[0-9a-f]{40}$'),
  -- How the payer lets Permit2 move the asset.
  ADD COLUMN sponsoring  jsonb,
  -- Of one by Permit2 that has failed or expired: nobody can land it any more, so nobody looks.
  ADD COLUMN closed      boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT payment_upto_is_bounded CHECK (
    (scheme = 'upto') = (num_nulls(ceiling, facilitator) = 0) AND num_nulls(ceiling, facilitator) IN (0, 2)
    AND (scheme = 'exact' OR method = 'permit2') AND amount <= coalesce(ceiling, amount)),
  ADD CONSTRAINT payment_sponsoring CHECK (
    sponsoring IS NULL OR (method = 'permit2' AND coalesce(sponsoring->>'kind', '') IN ('eip2612', 'erc20_approval'))),
  -- A signature that the payer's own code judges could make others in the same transaction fail, and what Permit2
  -- moved is told by logs that could be anybody's in it.
  ADD CONSTRAINT payment_alone CHECK (batch_limit = 1 OR (method = 'eip3009' AND length(signature) = 132)),
  -- Empty too: a wallet may have approved the payment by a transaction of its own, and ask for no signature.
  DROP CONSTRAINT payment_signature_check,
  ADD CONSTRAINT payment_signature CHECK (signature ~ '^0x([0-9a-f]{2})*$'),
  DROP CONSTRAINT payment_identity,
  ADD CONSTRAINT payment_identity UNIQUE (chain_id, authority, payer, nonce);

-- Permit2 writes no log by which others' transactions could be followed: these are asked about.
CREATE INDEX payment_open ON settlement.payment (chain_id, valid_before, position)
  WHERE method = 'permit2' AND state IN ('failed', 'expired') AND NOT closed;

CREATE OR REPLACE FUNCTION settlement.guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.payment_id, NEW.chain_id, NEW.asset, NEW.payer, NEW.pay_to, NEW.amount, NEW.valid_after, NEW.valid_before,
      NEW.nonce, NEW.signature, NEW.position, NEW.accepted_at, NEW.created_at, NEW.scheme, NEW.method, NEW.ceiling,
      NEW.facilitator, NEW.sponsoring)
     IS DISTINCT FROM
     (OLD.payment_id, OLD.chain_id, OLD.asset, OLD.payer, OLD.pay_to, OLD.amount, OLD.valid_after, OLD.valid_before,
      OLD.nonce, OLD.signature, OLD.position, OLD.accepted_at, OLD.created_at, OLD.scheme, OLD.method, OLD.ceiling,
      OLD.facilitator, OLD.sponsoring) THEN
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
  IF NEW.batch_limit > OLD.batch_limit THEN
    RAISE EXCEPTION 'what has to go with few others, or alone, goes on to'
      USING ERRCODE = '23514', CONSTRAINT = 'payment_batch_limit';
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

-- ---------------------------------------------------------------------------------------------------------------------
-- What a relayer gives a payer for the gas of an approval: a transaction without payments that moves its own money.

ALTER TABLE settlement.batch
  ADD COLUMN top_up_payment uuid REFERENCES settlement.payment (payment_id),
  ADD COLUMN top_up_wei     numeric(78, 0),
  ADD CONSTRAINT batch_top_up CHECK (
    num_nulls(top_up_payment, top_up_wei) IN (0, 2) AND (top_up_payment IS NULL OR size = 0)),
  -- Whatever the service is told to give: 0.1 of what has 18 decimals.
  ADD CONSTRAINT batch_top_up_bounded CHECK (top_up_wei BETWEEN 1 AND 100000000000000000);

CREATE INDEX batch_top_up ON settlement.batch (top_up_payment) WHERE top_up_payment IS NOT NULL;

CREATE OR REPLACE FUNCTION settlement.guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.batch_id, NEW.chain_id, NEW.relayer, NEW.nonce, NEW.lease_token, NEW.asset, NEW.size, NEW.gas_limit, NEW.created_at,
      NEW.top_up_payment, NEW.top_up_wei)
     IS DISTINCT FROM
     (OLD.batch_id, OLD.chain_id, OLD.relayer, OLD.nonce, OLD.lease_token, OLD.asset, OLD.size, OLD.gas_limit, OLD.created_at,
      OLD.top_up_payment, OLD.top_up_wei) THEN
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

-- A payer is given gas once, for a payment that waits and came with an approval: again only where the first transaction
-- never will be mined. The payment is locked, so that of two processes one sees what the other gave.
CREATE FUNCTION settlement.guard_top_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  needing settlement.payment%ROWTYPE;
BEGIN
  SELECT * INTO needing FROM settlement.payment WHERE payment_id = NEW.top_up_payment FOR NO KEY UPDATE;
  IF needing.state IS DISTINCT FROM 'queued' OR needing.chain_id <> NEW.chain_id
     OR needing.sponsoring->>'kind' IS DISTINCT FROM 'erc20_approval' THEN
    RAISE EXCEPTION 'gas is given for a queued payment of the chain that came with an approval'
      USING ERRCODE = '23514', CONSTRAINT = 'batch_top_up_needed';
  END IF;
  IF EXISTS (SELECT FROM settlement.batch b WHERE b.top_up_payment = NEW.top_up_payment AND b.state <> 'displaced') THEN
    RAISE EXCEPTION 'gas is given once for a payment' USING ERRCODE = '23514', CONSTRAINT = 'batch_top_up_once';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER batch_top_up BEFORE INSERT ON settlement.batch FOR EACH ROW WHEN (NEW.top_up_payment IS NOT NULL)
  EXECUTE FUNCTION settlement.guard_top_up();

-- ---------------------------------------------------------------------------------------------------------------------
-- As before, and: what must go alone does, and what only one relayer may send, that one sends.

CREATE OR REPLACE FUNCTION settlement.guard_new_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
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
  IF carried.size > 1 AND (counted.method <> 'eip3009' OR length(counted.signature) <> 132) THEN
    RAISE EXCEPTION 'a payment by Permit2, or with a signature that a contract judges, goes alone'
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_alone';
  END IF;
  IF counted.facilitator <> carried.relayer THEN
    RAISE EXCEPTION 'the payer named another relayer' USING ERRCODE = '23514', CONSTRAINT = 'attempt_relayer';
  END IF;
  IF EXISTS (SELECT FROM settlement.attempt a WHERE a.payment_id = NEW.payment_id AND a.state = 'outstanding') THEN
    RAISE EXCEPTION 'nothing is signed again while the outcome of what was signed is unknown'
      USING ERRCODE = '23514', CONSTRAINT = 'attempt_one_outstanding';
  END IF;
  RETURN NEW;
END $$;
