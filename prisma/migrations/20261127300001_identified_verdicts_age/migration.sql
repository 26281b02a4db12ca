-- A good verdict is not one for a day: what it rests on changes. It stays as it is for a minute; after that it is given again only
-- of a payment that was accepted, and otherwise made anew. What the id stands for does not change with it.

ALTER TABLE facilitator.payment_identifier
  ADD COLUMN verdict_until timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 minute';

CREATE OR REPLACE FUNCTION facilitator.guard_identifier() RETURNS trigger
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
          OR (OLD.verdict IS NOT NULL AND NEW.verdict IS NULL)
          OR (OLD.verdict IS NOT NULL AND OLD.verdict_until > clock_timestamp()
              AND (NEW.verdict, NEW.verdict_until) IS DISTINCT FROM (OLD.verdict, OLD.verdict_until))) THEN
    RAISE EXCEPTION 'what an id stands for stays as it is until it is forgotten, and what was answered as long as it is kept'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_identifier_fixed', SCHEMA = 'facilitator', TABLE = 'payment_identifier';
  END IF;
  RETURN NEW;
END
$$;

DROP FUNCTION facilitator.claim_identifiers(jsonb[]);
-- As before, and whether what was answered is still to be given as it is.
CREATE FUNCTION facilitator.claim_identifiers(claims jsonb[])
RETURNS TABLE (place integer, payload_hash text, verify_fingerprint text, settle_fingerprint text, verdict jsonb,
               is_recent boolean)
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
    is_recent := taken.verdict_until > clock_timestamp();
    RETURN NEXT;
  END LOOP;
END
$$;

-- As before; a verdict that was kept for its time makes room for the next.
CREATE OR REPLACE FUNCTION facilitator.keep_identified(claim jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  told CONSTANT jsonb := nullif(claim -> 'verdict', 'null');
  kept jsonb;
BEGIN
  UPDATE facilitator.payment_identifier AS known
     SET (verdict, verdict_until) = (
           SELECT CASE WHEN anew.yes THEN told ELSE known.verdict END,
                  CASE WHEN anew.yes THEN clock_timestamp() + (claim ->> 'verdict_for_ms')::bigint * interval '1 millisecond'
                       ELSE known.verdict_until END
             FROM (SELECT told IS NOT NULL AND (known.verdict IS NULL OR known.verdict_until <= clock_timestamp()) AS yes) AS anew),
         expires_at = greatest(known.expires_at,
                               clock_timestamp() + (claim ->> 'for_ms')::bigint * interval '1 millisecond')
   WHERE known.chain_id = claim ->> 'chain_id' AND known.pay_to = claim ->> 'pay_to'
     AND known.identifier = claim ->> 'identifier' AND known.payload_hash = claim ->> 'payload_hash'
  RETURNING known.verdict INTO kept;
  RETURN kept;
END
$$;

GRANT UPDATE (verdict_until) ON facilitator.payment_identifier TO quittance_facilitator;
GRANT EXECUTE ON FUNCTION facilitator.claim_identifiers(jsonb[]) TO quittance_facilitator;
