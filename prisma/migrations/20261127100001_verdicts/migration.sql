-- What was answered to those who asked whether a payment is good: each verdict with the hash of what it was given on, why,
-- at which block and when. Rows are added and nothing else; a seal now and then covers all since the one before with a
-- hash that covers that one too, so that what was written cannot be changed, left out or put in later without a trace.

CREATE TABLE facilitator.verdict (
  sequence     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The transaction that wrote it. Sequences are drawn before the commit and so become visible out of order; all rows of
  -- transactions below the oldest that still runs are there to stay.
  xact         bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  route        text NOT NULL CHECK (route IN ('verify', 'settle')),
  valid        boolean NOT NULL,
  reason       text CHECK (length(reason) <= 100),
  -- Of the whole request, as in facilitator.payment.
  fingerprint  text NOT NULL CHECK (fingerprint ~ '^0x[0-9a-f]{64}$'),
  payment_id   uuid,
  x402_version smallint NOT NULL CHECK (x402_version IN (1, 2)),
  scheme       text NOT NULL CHECK (length(scheme) <= 100),
  network      text NOT NULL CHECK (length(network) <= 100),
  asset        text NOT NULL CHECK (length(asset) <= 256),
  payer        text CHECK (length(payer) <= 256),
  pay_to       text NOT NULL CHECK (length(pay_to) <= 256),
  amount       numeric(78, 0) NOT NULL CHECK (amount >= 0),
  -- That the facts are of; none where the chain was not asked.
  block_number bigint CHECK (block_number >= 0),
  judged_at    timestamptz NOT NULL,
  CONSTRAINT verdict_says_why CHECK (valid = (reason IS NULL)),
  CONSTRAINT verdict_valid_is_whole CHECK (NOT valid OR num_nulls(payment_id, payer, block_number) = 0)
);

CREATE INDEX verdict_judged ON facilitator.verdict (judged_at, sequence);
CREATE INDEX verdict_payer ON facilitator.verdict (payer, judged_at, sequence);
CREATE INDEX verdict_pay_to ON facilitator.verdict (pay_to, judged_at, sequence);
CREATE INDEX verdict_reason ON facilitator.verdict (reason, judged_at, sequence) WHERE reason IS NOT NULL;
CREATE INDEX verdict_xact ON facilitator.verdict (xact, sequence);

CREATE TABLE facilitator.verdict_seal (
  seal       bigint PRIMARY KEY CHECK (seal >= 1),
  -- Verdicts of the transactions from here, up to but without the next; nothing lies between two seals.
  from_xact  bigint NOT NULL,
  to_xact    bigint NOT NULL CHECK (to_xact > from_xact),
  verdicts   bigint NOT NULL CHECK (verdicts >= 1),
  -- Of the seal before and all verdicts of this one: see facilitator.verdict_digest.
  digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  sealed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One line of what is hashed. No time zones and no number formats of whoever asks.
CREATE FUNCTION facilitator.verdict_line(v facilitator.verdict) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_array(v.sequence::text, v.route, v.valid, v.reason, v.fingerprint, v.payment_id, v.x402_version, v.scheme,
                         v.network, v.asset, v.payer, v.pay_to, v.amount::text, v.block_number::text,
                         (extract(epoch FROM v.judged_at) * 1000000)::bigint::text)::text;

-- SHA-256 over the digest before and the lines of verdicts, each ended by a line feed, in the order (xact, sequence).
CREATE FUNCTION facilitator.verdict_digest(previous text, from_xact bigint, to_xact bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT encode(sha256(convert_to(
           verdict_digest.previous || E'\n' || coalesce(string_agg(facilitator.verdict_line(v) || E'\n', '' ORDER BY v.xact, v.sequence), ''),
           'UTF8')), 'hex')
    FROM facilitator.verdict v WHERE v.xact >= verdict_digest.from_xact AND v.xact < verdict_digest.to_xact;
END;

-- Seals verdicts that are there to stay, about `verdicts_max` of them. One at a time: the next finds the last seal. Runs as
-- the owner, so that the service itself need not be able to write seals.
CREATE FUNCTION facilitator.seal_verdicts(verdicts_max integer) RETURNS TABLE (seal bigint, verdicts bigint, digest text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last facilitator.verdict_seal;
  begin_at bigint;
  end_at bigint;
  last_taken bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('facilitator.verdict_seal', 0)) THEN
    RETURN;
  END IF;
  SELECT s.* INTO last FROM facilitator.verdict_seal s ORDER BY s.seal DESC LIMIT 1;
  begin_at := coalesce(last.to_xact, 0);
  -- Whatever wrote below this has committed, or never will.
  end_at := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  IF end_at < begin_at THEN
    RAISE EXCEPTION 'transactions are counted from % again, and verdicts were sealed up to %: this is another server than that which sealed them', end_at, begin_at
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT count(*), max(taken.xact) INTO verdicts, last_taken
    FROM (SELECT v.xact FROM facilitator.verdict v WHERE v.xact >= begin_at AND v.xact < end_at
           ORDER BY v.xact, v.sequence LIMIT verdicts_max) AS taken;
  IF verdicts = 0 THEN
    RETURN;
  END IF;
  -- A transaction's verdicts stay together.
  IF verdicts = verdicts_max THEN
    end_at := last_taken + 1;
  END IF;
  SELECT count(*) INTO verdicts FROM facilitator.verdict v WHERE v.xact >= begin_at AND v.xact < end_at;
  seal := coalesce(last.seal, 0) + 1;
  digest := facilitator.verdict_digest(coalesce(last.digest, ''), begin_at, end_at);
  INSERT INTO facilitator.verdict_seal (seal, from_xact, to_xact, verdicts, digest)
  VALUES (seal, begin_at, end_at, verdicts, digest);
  RETURN NEXT;
END
$$;

-- The verifier: the seals that do not hold, none in a trail that nobody touched. Whoever may read the tables may run it; that
-- no seal is missing at the end is shown by the log, in which the service writes each seal as it is made.
CREATE FUNCTION facilitator.broken_seals() RETURNS TABLE (seal bigint, problem text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH chained AS (
    SELECT s.*, lag(s.seal, 1, 0::bigint) OVER in_order AS seal_before, lag(s.to_xact, 1, 0::bigint) OVER in_order AS end_before,
           lag(s.digest, 1, '') OVER in_order AS digest_before
      FROM facilitator.verdict_seal s WINDOW in_order AS (ORDER BY s.seal))
  SELECT c.seal, CASE WHEN c.seal <> c.seal_before + 1 THEN 'the seal before is missing'
                      WHEN c.from_xact <> c.end_before THEN 'it does not begin where the one before ended'
                      ELSE 'the verdicts are not those that were sealed' END
    FROM chained c
   WHERE c.seal <> c.seal_before + 1 OR c.from_xact <> c.end_before
      OR c.digest <> facilitator.verdict_digest(c.digest_before, c.from_xact, c.to_xact)
   ORDER BY c.seal;
END;

CREATE TRIGGER verdict_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON facilitator.verdict
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();
CREATE TRIGGER verdict_seal_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON facilitator.verdict_seal
  FOR EACH STATEMENT EXECUTE FUNCTION facilitator.refuse_change();

GRANT SELECT ON facilitator.verdict, facilitator.verdict_seal TO quittance_facilitator;
GRANT INSERT (route, valid, reason, fingerprint, payment_id, x402_version, scheme, network, asset, payer, pay_to, amount,
              block_number, judged_at)
  ON facilitator.verdict TO quittance_facilitator;
GRANT EXECUTE ON FUNCTION facilitator.verdict_line(facilitator.verdict), facilitator.verdict_digest(text, bigint, bigint),
                          facilitator.seal_verdicts(integer), facilitator.broken_seals() TO quittance_facilitator;
