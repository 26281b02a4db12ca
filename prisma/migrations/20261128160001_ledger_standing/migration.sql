-- Whether the books may be posted to. A check that finds them wrong makes them read-only; only a check of everything that
-- was begun afterwards and found nothing lets somebody open them again. What was said and found stays.

-- A check that was asked for, and what came of it. One without a result is under way, or was cut short and is done again.
CREATE TABLE ledger.check_run (
  id       uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  scope    text        NOT NULL CONSTRAINT check_run_scope CHECK (scope IN ('slice', 'full')),
  actor    text        NOT NULL CONSTRAINT check_run_actor CHECK (length(actor) BETWEEN 1 AND 64),
  began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX check_run_began_at ON ledger.check_run (began_at, id);

CREATE TABLE ledger.check_result (
  check_id uuid        PRIMARY KEY CONSTRAINT check_result_run REFERENCES ledger.check_run,
  -- Whether the books agree with themselves. Money that is on its way for too long is told of, and is no drift.
  outcome  text        NOT NULL CONSTRAINT check_result_outcome CHECK (outcome IN ('green', 'drift')),
  -- How much of each thing was looked at.
  looked_at jsonb      NOT NULL CONSTRAINT check_result_looked_at CHECK (jsonb_typeof(looked_at) = 'object'),
  drift    jsonb       NOT NULL CONSTRAINT check_result_drift CHECK (jsonb_typeof(drift) = 'array'),
  overdue  jsonb       NOT NULL CONSTRAINT check_result_overdue CHECK (jsonb_typeof(overdue) = 'array'),
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT check_result_green_without_drift CHECK ((outcome = 'green') = (drift = '[]'::jsonb))
);
CREATE INDEX check_result_ended_at ON ledger.check_result (ended_at);

CREATE TABLE ledger.standing (
  only_row  boolean     PRIMARY KEY DEFAULT true CONSTRAINT standing_one_row CHECK (only_row),
  read_only boolean     NOT NULL,
  reason    text        NOT NULL,
  since     timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO ledger.standing (read_only, reason) VALUES (false, 'new books');

CREATE TABLE ledger.standing_change (
  id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  read_only boolean     NOT NULL,
  reason    text        NOT NULL CONSTRAINT standing_change_reason CHECK (length(reason) BETWEEN 3 AND 2000),
  actor     text        NOT NULL CONSTRAINT standing_change_actor CHECK (length(actor) BETWEEN 1 AND 64),
  -- The check that found what is wrong, or that found nothing any more.
  check_id  uuid        CONSTRAINT standing_change_check REFERENCES ledger.check_run,
  at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Runs as the owner: the service has no right to touch the standing itself.
CREATE FUNCTION ledger.change_standing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_standing ledger.standing;
BEGIN
  SELECT * INTO now_standing FROM ledger.standing FOR UPDATE;
  -- Stamped under the lock: the order of ids is that of times.
  NEW.at := clock_timestamp();
  IF NEW.read_only THEN
    -- What was found first stays the reason.
    UPDATE ledger.standing SET read_only = true, reason = NEW.reason, since = NEW.at WHERE NOT read_only;
    RETURN NEW;
  END IF;
  IF NOT now_standing.read_only THEN
    RAISE EXCEPTION 'the books are open already'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_open_already', SCHEMA = 'ledger', TABLE = 'standing_change';
  END IF;
  IF NOT EXISTS (
    SELECT FROM ledger.check_run r JOIN ledger.check_result c ON c.check_id = r.id
     WHERE r.id = NEW.check_id AND r.scope = 'full' AND c.outcome = 'green'
       AND r.began_at > (SELECT max(s.at) FROM ledger.standing_change s WHERE s.read_only))
  THEN
    RAISE EXCEPTION 'the books open again only with a full check that was begun after they were last found wrong, and is green'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_needs_green_check', SCHEMA = 'ledger', TABLE = 'standing_change';
  END IF;
  UPDATE ledger.standing SET read_only = false, reason = NEW.reason, since = NEW.at;
  RETURN NEW;
END
$$;

CREATE TRIGGER standing_change_applies BEFORE INSERT ON ledger.standing_change
  FOR EACH ROW EXECUTE FUNCTION ledger.change_standing();

-- For whoever finds the books wrong.
CREATE FUNCTION ledger.suspend(reason text, actor text DEFAULT 'ledger', check_id uuid DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO ledger.standing_change (read_only, reason, actor, check_id) VALUES (true, reason, actor, check_id);
$$;

-- As a server that takes no writes has it: to whoever posts this is a fault that passes, and nothing is put aside for it.
CREATE FUNCTION ledger.require_standing() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT s.read_only FROM ledger.standing s) IS DISTINCT FROM false THEN
    RAISE EXCEPTION 'the books are read-only: %', (SELECT s.reason FROM ledger.standing s)
      USING ERRCODE = 'read_only_sql_transaction', CONSTRAINT = 'transaction_standing', SCHEMA = 'ledger', TABLE = 'transaction';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER transaction_0_standing BEFORE INSERT ON ledger.transaction
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_standing();

-- For the owner of the database, when balances were changed and lines were not: lines are what was sealed. Brings each
-- balance that is not the sum of its lines back to that, in one row, and says how many there were. Postings wait for it.
CREATE FUNCTION ledger.rebuild_balances() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rebuilt bigint;
BEGIN
  LOCK TABLE ledger.entry IN SHARE MODE;
  WITH summed AS MATERIALIZED (
    SELECT account_id, layer, coalesce(e.debit, 0) AS debit, coalesce(e.credit, 0) AS credit
      FROM (SELECT account_id, layer, sum(debit) AS debit, sum(credit) AS credit FROM ledger.balance GROUP BY account_id, layer) b
      FULL JOIN (SELECT account_id, layer, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit
                   FROM ledger.entry GROUP BY account_id, layer) e USING (account_id, layer)
     WHERE (b.debit, b.credit) IS DISTINCT FROM (e.debit, e.credit)
  ), emptied AS (
    UPDATE ledger.balance b SET debit = 0, credit = 0 FROM summed s
     WHERE b.account_id = s.account_id AND b.layer = s.layer AND b.shard <> 0
  ), written AS (
    INSERT INTO ledger.balance AS b (account_id, layer, shard, debit, credit)
    SELECT account_id, layer, 0, debit, credit FROM summed
    ON CONFLICT (account_id, layer, shard) DO UPDATE SET debit = excluded.debit, credit = excluded.credit
    RETURNING 1
  )
  SELECT count(*) INTO rebuilt FROM written;
  RETURN rebuilt;
END
$$;

CREATE TRIGGER check_run_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.check_run
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER check_result_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.check_result
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER standing_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.standing_change
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER standing_stays BEFORE DELETE OR TRUNCATE ON ledger.standing
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.standing, ledger.standing_change, ledger.check_run, ledger.check_result TO quittance_ledger;
GRANT INSERT (read_only, reason, actor, check_id) ON ledger.standing_change TO quittance_ledger;
GRANT INSERT (scope, actor) ON ledger.check_run TO quittance_ledger;
GRANT INSERT (check_id, outcome, looked_at, drift, overdue) ON ledger.check_result TO quittance_ledger;
GRANT EXECUTE ON FUNCTION ledger.suspend(text, text, uuid) TO quittance_ledger;
