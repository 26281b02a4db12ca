-- Ids that clients give their payments (extension payment-identifier): the first payload that comes with an id is what the id
-- stands for, for that seller, until it is forgotten.

CREATE TABLE facilitator.payment_identifier (
  chain_id           text NOT NULL CHECK (length(chain_id) <= 100),
  pay_to             text NOT NULL CHECK (length(pay_to) <= 256),
  identifier         text NOT NULL CHECK (identifier ~ '^[A-Za-z0-9_-]{16,128}$'),
  -- Of the payment payload to the letter: an id is looked up before anything in the payload is believed.
  payload_hash       text NOT NULL CHECK (payload_hash ~ '^0x[0-9a-f]{64}$'),
  -- Of the whole request to a route; upto settles with other requirements than it verifies.
  verify_fingerprint text CHECK (verify_fingerprint ~ '^0x[0-9a-f]{64}$'),
  settle_fingerprint text CHECK (settle_fingerprint ~ '^0x[0-9a-f]{64}$'),
  -- What /verify answered; /settle answers from the payment itself.
  verdict            jsonb CHECK (octet_length(verdict::text) <= 4096),
  expires_at         timestamptz NOT NULL,
  PRIMARY KEY (chain_id, pay_to, identifier),
  CONSTRAINT payment_identifier_verdict_asked CHECK (verdict IS NULL OR verify_fingerprint IS NOT NULL)
);
CREATE INDEX payment_identifier_expired ON facilitator.payment_identifier (expires_at);

CREATE FUNCTION facilitator.guard_identifier() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (NEW.chain_id, NEW.pay_to, NEW.identifier) IS DISTINCT FROM (OLD.chain_id, OLD.pay_to, OLD.identifier) THEN
    RAISE EXCEPTION 'an id is not given another name'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_identifier_fixed', SCHEMA = 'facilitator', TABLE = 'payment_identifier';
  END IF;
  IF OLD.expires_at > clock_timestamp()
     AND (NEW.payload_hash <> OLD.payload_hash
          OR NEW.expires_at < OLD.expires_at
          OR (OLD.verify_fingerprint IS NOT NULL AND NEW.verify_fingerprint IS DISTINCT FROM OLD.verify_fingerprint)
          OR (OLD.settle_fingerprint IS NOT NULL AND NEW.settle_fingerprint IS DISTINCT FROM OLD.settle_fingerprint)
          OR (OLD.verdict IS NOT NULL AND NEW.verdict IS DISTINCT FROM OLD.verdict)) THEN
    RAISE EXCEPTION 'what an id stands for and what was answered stay as they are until it is forgotten'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_identifier_fixed', SCHEMA = 'facilitator', TABLE = 'payment_identifier';
  END IF;
  RETURN NEW;
END
$$;

CREATE FUNCTION facilitator.guard_forgotten_identifier() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.expires_at > clock_timestamp() THEN
    RAISE EXCEPTION 'an id is remembered until its time is over'
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payment_identifier_kept', SCHEMA = 'facilitator', TABLE = 'payment_identifier';
  END IF;
  RETURN OLD;
END
$$;

-- Takes ids for payloads, unless others have them, and gives for each what it stands for now. Runs with the service's own rights.
CREATE FUNCTION facilitator.claim_identifiers(claims jsonb[])
RETURNS TABLE (place integer, payload_hash text, verify_fingerprint text, settle_fingerprint text, verdict jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  claim record;
  taken facilitator.payment_identifier;
BEGIN
  -- In one order for everybody, so that two calls that share ids never wait for each other in a circle.
  FOR claim IN
    SELECT at::integer AS place, c ->> 'chain_id' AS chain_id, c ->> 'pay_to' AS pay_to, c ->> 'identifier' AS identifier,
           c ->> 'payload_hash' AS payload_hash, c ->> 'route' AS route, c ->> 'fingerprint' AS fingerprint,
           clock_timestamp() + (c ->> 'for_ms')::bigint * interval '1 millisecond' AS expires_at
      FROM unnest(claims) WITH ORDINALITY AS asked (c, at) ORDER BY 2, 3, 4, 1
  LOOP
    INSERT INTO facilitator.payment_identifier AS known (chain_id, pay_to, identifier, payload_hash, verify_fingerprint,
                                                         settle_fingerprint, expires_at)
    VALUES (claim.chain_id, claim.pay_to, claim.identifier, claim.payload_hash,
            CASE claim.route WHEN 'verify' THEN claim.fingerprint END, CASE claim.route WHEN 'settle' THEN claim.fingerprint END,
            claim.expires_at)
    ON CONFLICT (chain_id, pay_to, identifier) DO UPDATE
      SET payload_hash = excluded.payload_hash, verify_fingerprint = excluded.verify_fingerprint,
          settle_fingerprint = excluded.settle_fingerprint, verdict = NULL, expires_at = excluded.expires_at
      WHERE known.expires_at <= clock_timestamp();
    -- The same payload, at the other route for the first time.
    UPDATE facilitator.payment_identifier AS known
       SET verify_fingerprint = CASE claim.route WHEN 'verify' THEN coalesce(known.verify_fingerprint, claim.fingerprint)
                                                 ELSE known.verify_fingerprint END,
           settle_fingerprint = CASE claim.route WHEN 'settle' THEN coalesce(known.settle_fingerprint, claim.fingerprint)
                                                 ELSE known.settle_fingerprint END,
           expires_at = greatest(known.expires_at, claim.expires_at)
     WHERE known.chain_id = claim.chain_id AND known.pay_to = claim.pay_to AND known.identifier = claim.identifier
       AND known.payload_hash = claim.payload_hash
       AND (CASE claim.route WHEN 'verify' THEN known.verify_fingerprint ELSE known.settle_fingerprint END) IS NULL;
    SELECT known.* INTO taken FROM facilitator.payment_identifier AS known
     WHERE known.chain_id = claim.chain_id AND known.pay_to = claim.pay_to AND known.identifier = claim.identifier;
    place := claim.place;
    payload_hash := taken.payload_hash;
    verify_fingerprint := taken.verify_fingerprint;
    settle_fingerprint := taken.settle_fingerprint;
    verdict := taken.verdict;
    RETURN NEXT;
  END LOOP;
END
$$;

-- Keeps what /verify answers, unless something was kept before, and remembers the id for so much longer; or, without a verdict,
-- only that. Gives the verdict that is kept.
CREATE FUNCTION facilitator.keep_identified(claim jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kept jsonb;
BEGIN
  UPDATE facilitator.payment_identifier AS known
     SET verdict = coalesce(known.verdict, nullif(claim -> 'verdict', 'null')),
         expires_at = greatest(known.expires_at,
                               clock_timestamp() + (claim ->> 'for_ms')::bigint * interval '1 millisecond')
   WHERE known.chain_id = claim ->> 'chain_id' AND known.pay_to = claim ->> 'pay_to'
     AND known.identifier = claim ->> 'identifier' AND known.payload_hash = claim ->> 'payload_hash'
  RETURNING known.verdict INTO kept;
  RETURN kept;
END
$$;

CREATE TRIGGER payment_identifier_guard BEFORE UPDATE ON facilitator.payment_identifier
  FOR EACH ROW EXECUTE FUNCTION facilitator.guard_identifier();
CREATE TRIGGER payment_identifier_kept BEFORE DELETE ON facilitator.payment_identifier
  FOR EACH ROW EXECUTE FUNCTION facilitator.guard_forgotten_identifier();
CREATE TRIGGER payment_identifier_all_kept BEFORE TRUNCATE ON facilitator.payment_identifier
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();

GRANT SELECT, INSERT, DELETE ON facilitator.payment_identifier TO quittance_facilitator;
GRANT UPDATE (payload_hash, verify_fingerprint, settle_fingerprint, verdict, expires_at) ON facilitator.payment_identifier
  TO quittance_facilitator;
GRANT EXECUTE ON FUNCTION facilitator.claim_identifiers(jsonb[]), facilitator.keep_identified(jsonb) TO quittance_facilitator;
