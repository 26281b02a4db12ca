-- Payments by Permit2, and payments of up to an amount. An authorization's nonce is unique where it is spent: in its token
-- by EIP-3009, in the Permit2 contract over all tokens by Permit2.

ALTER TABLE facilitator.payment
  ADD COLUMN method text NOT NULL DEFAULT 'eip3009',
  -- Where the nonce is spent.
  ADD COLUMN authority text NOT NULL GENERATED ALWAYS AS (
    CASE method WHEN 'permit2' THEN '0x000000000022d473030f116ddee9f6b43ac78ba3' ELSE asset END) STORED,
  -- Of upto: the only account that may settle it, and what was permitted. What is settled is `amount`.
  ADD COLUMN facilitator text CHECK (facilitator ~ '^0x[0-9a-f]{40}$'),
  ADD COLUMN ceiling numeric(78, 0),
  -- Who pays for the payer's approval of Permit2, and how.
  ADD COLUMN sponsoring text,
  ADD CONSTRAINT payment_method CHECK (method IN ('eip3009', 'permit2')),
  ADD CONSTRAINT payment_sponsoring CHECK (
    sponsoring IS NULL OR (method = 'permit2' AND sponsoring IN ('eip2612', 'erc20_approval'))),
  ADD CONSTRAINT payment_upto_is_whole CHECK (
    CASE WHEN scheme = 'upto' THEN method = 'permit2' AND num_nulls(facilitator, ceiling) = 0
         ELSE num_nonnulls(facilitator, ceiling) = 0 END),
  ADD CONSTRAINT payment_within_ceiling CHECK (
    amount <= ceiling AND ceiling <= 115792089237316195423570985008687907853269984665640564039457584007913129639935),
  DROP CONSTRAINT payment_identity,
  DROP CONSTRAINT payment_state,
  -- Waived: nothing was to be settled of what was permitted, and never will be.
  ADD CONSTRAINT payment_state CHECK (state IN ('accepted', 'submitted', 'confirmed', 'failed', 'expired', 'waived')),
  ADD CONSTRAINT payment_waived_is_nothing CHECK (
    state <> 'waived' OR (scheme = 'upto' AND amount = 0
                          AND num_nonnulls(reason, detail, transaction_hash, block_number, authorization_spent) = 0));

ALTER TABLE facilitator.payment ADD CONSTRAINT payment_identity UNIQUE (chain_id, authority, payer, nonce);

CREATE OR REPLACE FUNCTION facilitator.guard_new_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.state <> 'accepted'
     OR num_nonnulls(NEW.reason, NEW.detail, NEW.transaction_hash, NEW.block_number, NEW.authorization_spent) > 0 THEN
    RAISE EXCEPTION 'a payment begins accepted, with nothing known of its outcome'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_beginning', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  -- And ends there and then where there is nothing to settle.
  IF NEW.amount = 0 THEN
    NEW.state := 'waived';
  END IF;
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION facilitator.guard_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (NEW.id, NEW.chain_id, NEW.asset, NEW.payer, NEW.nonce, NEW.pay_to, NEW.amount, NEW.valid_after, NEW.valid_before,
      NEW.x402_version, NEW.network_as_written, NEW.scheme, NEW.resource, NEW.fingerprint, NEW.accepted_at,
      NEW.method, NEW.facilitator, NEW.ceiling, NEW.sponsoring)
     IS DISTINCT FROM
     (OLD.id, OLD.chain_id, OLD.asset, OLD.payer, OLD.nonce, OLD.pay_to, OLD.amount, OLD.valid_after, OLD.valid_before,
      OLD.x402_version, OLD.network_as_written, OLD.scheme, OLD.resource, OLD.fingerprint, OLD.accepted_at,
      OLD.method, OLD.facilitator, OLD.ceiling, OLD.sponsoring) THEN
    RAISE EXCEPTION 'what was accepted never changes'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_fixed', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  -- The one way back, for when the block of the outcome left the chain: under way again, with the hash it had. Not the rows
  -- as such are compared: before the change, generated columns have no value yet.
  IF OLD.state = 'confirmed'
     AND (NEW.state, NEW.reason, NEW.detail, NEW.transaction_hash, NEW.block_number, NEW.authorization_spent,
          NEW.last_event_id, NEW.updated_at)
         IS DISTINCT FROM
         (OLD.state, OLD.reason, OLD.detail, OLD.transaction_hash, OLD.block_number, OLD.authorization_spent,
          OLD.last_event_id, OLD.updated_at)
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

-- As before, for both methods: they draw on one balance. `landed` names payments by their ids, for nonces of two methods may
-- be the same. A permit is still good at its deadline, an EIP-3009 authorization no longer at its validBefore.
CREATE OR REPLACE FUNCTION facilitator.in_flight(of_chain text, of_asset text, of_payer text, at_block bigint, at_time numeric,
                                                 landed text[])
RETURNS numeric LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT coalesce(sum(amount), 0) FROM (
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state IN ('accepted', 'submitted')
       AND id::text <> ALL (landed)
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'confirmed' AND block_number > at_block
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'failed' AND NOT authorization_spent
       AND valid_before >= at_time AND (method = 'permit2' OR valid_before > at_time)
       AND id::text <> ALL (landed)) AS counted);
END
$$;

-- As before, each with its verdict too: a payment that is accepted was judged to be good.
CREATE OR REPLACE FUNCTION facilitator.reserve_many(reservations jsonb[])
RETURNS TABLE (outcome text, counted numeric)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  reservation jsonb;
  asked facilitator.payment;
  landed text[];
  verdicts jsonb[] := '{}';
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
      -- Nothing is not too much for anybody.
      IF asked.amount > 0 AND (reservation ->> 'balance')::numeric - counted < asked.amount THEN
        outcome := 'short';
      ELSE
        INSERT INTO facilitator.payment (id, chain_id, asset, payer, nonce, pay_to, amount, valid_after, valid_before,
                                         x402_version, network_as_written, scheme, resource, fingerprint, last_event_id,
                                         method, facilitator, ceiling, sponsoring)
        VALUES (asked.id, asked.chain_id, asked.asset, asked.payer, asked.nonce, asked.pay_to, asked.amount,
                asked.valid_after, asked.valid_before, asked.x402_version, asked.network_as_written, asked.scheme,
                asked.resource, asked.fingerprint, asked.last_event_id,
                coalesce(asked.method, 'eip3009'), asked.facilitator, asked.ceiling, asked.sponsoring)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
          outcome := 'reserved';
          IF reservation -> 'verdict' IS NOT NULL THEN
            verdicts := verdicts || (reservation -> 'verdict');
          END IF;
          -- The id that its payer gave it is remembered as long as any that was used.
          IF reservation -> 'identifier' IS NOT NULL THEN
            PERFORM facilitator.keep_identified(reservation -> 'identifier');
          END IF;
          -- Of what is waived there is nothing to tell.
          IF asked.amount > 0 THEN
            ids := ids || asked.last_event_id;
            topics := topics || (reservation ->> 'topic');
            partitions := partitions || (reservation ->> 'partition')::integer;
            keys := keys || (reservation ->> 'key');
            vals := vals || (reservation ->> 'accepted');
          END IF;
        ELSE
          outcome := 'exists';
        END IF;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  INSERT INTO facilitator.verdict (route, valid, reason, fingerprint, payment_id, x402_version, scheme, network, asset, payer,
                                   pay_to, amount, block_number, judged_at)
  SELECT v.route, v.valid, v.reason, v.fingerprint, v.payment_id, v.x402_version, v.scheme, v.network, v.asset, v.payer,
         v.pay_to, v.amount, v.block_number, v.judged_at
    FROM unnest(verdicts) AS told, jsonb_populate_record(NULL::facilitator.verdict, told) AS v;
  -- Last of all, for from here to the commit it may hold what every service waits for.
  IF cardinality(ids) > 0 THEN
    PERFORM facilitator.emit(ids, topics, partitions, keys, vals);
  END IF;
END
$$;

GRANT INSERT (method, facilitator, ceiling, sponsoring) ON facilitator.payment TO quittance_facilitator;
