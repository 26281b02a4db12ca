-- Periods of the books: open, soft-closed (only the controller still posts there), hard-closed for ever. Those of a book
-- follow each other without a gap; what is known of them changes only by steps, and steps stay.

CREATE TABLE ledger.period (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  book       text        NOT NULL CONSTRAINT period_book CHECK (book IN ('F', 'G')),
  -- Null: from the first transaction on.
  starts_at  timestamptz,
  -- The first moment that is no longer in it.
  ends_at    timestamptz NOT NULL CONSTRAINT period_ends CHECK (isfinite(ends_at)),
  state      text        NOT NULL DEFAULT 'open' CONSTRAINT period_state CHECK (state IN ('open', 'soft', 'hard')),
  actor      text        NOT NULL CONSTRAINT period_actor CHECK (length(actor) BETWEEN 1 AND 64),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT period_starts_before_it_ends CHECK (starts_at < ends_at),
  CONSTRAINT period_ends_once UNIQUE (book, ends_at),
  CONSTRAINT period_starts_once UNIQUE NULLS NOT DISTINCT (book, starts_at)
);

CREATE TABLE ledger.period_step (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  period_id    bigint      NOT NULL CONSTRAINT period_step_period REFERENCES ledger.period,
  step         text        NOT NULL CONSTRAINT period_step_step CHECK (step IN ('soft', 'hard', 'reopen')),
  actor        text        NOT NULL CONSTRAINT period_step_actor CHECK (length(actor) BETWEEN 1 AND 64),
  reason       text        NOT NULL CONSTRAINT period_step_reason CHECK (length(reason) BETWEEN 3 AND 2000),
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The closing record, of the hard close alone: what was looked at, what was explained, and how the books were sealed.
  checklist    jsonb,
  explanations jsonb,
  check_id     uuid        CONSTRAINT period_step_check REFERENCES ledger.check_run,
  seal_size    bigint,
  root         bytea,
  CONSTRAINT period_step_record CHECK (
    num_nonnulls(checklist, explanations, check_id, seal_size, root) = CASE step WHEN 'hard' THEN 5 ELSE 0 END),
  CONSTRAINT period_step_checklist CHECK (
    jsonb_typeof(checklist) = 'array' AND jsonb_array_length(checklist) >= 1
    AND NOT jsonb_path_exists(checklist,
      '$[*] ? (!(@.outcome == "pass" || @.outcome == "explain" || @.outcome == "not_configured") || !exists(@.name))')),
  -- An item that has to be explained is.
  CONSTRAINT period_step_explained CHECK (
    jsonb_typeof(explanations) = 'object'
    AND jsonb_path_query_array(explanations, '$.keyvalue() ? (@.value like_regex "\\S").key')
        @> jsonb_path_query_array(checklist, '$[*] ? (@.outcome == "explain").name'))
);
CREATE INDEX period_step_of_period ON ledger.period_step (period_id, id);

-- One period follows the other.
CREATE FUNCTION ledger.require_next_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger.period ' || NEW.book, 0));
  IF NEW.starts_at IS DISTINCT FROM (SELECT max(p.ends_at) FROM ledger.period p WHERE p.book = NEW.book) THEN
    RAISE EXCEPTION 'a period of book % starts where the one before it ends', NEW.book
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_follows', SCHEMA = 'ledger', TABLE = 'period';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER period_follows BEFORE INSERT ON ledger.period
  FOR EACH ROW EXECUTE FUNCTION ledger.require_next_period();

-- What a hard close needs beside the step before it: the books open for posting, a check of everything since the soft
-- close, and the root of the latest seal.
CREATE FUNCTION ledger.require_closing_record(step ledger.period_step) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT s.read_only FROM ledger.standing s) IS DISTINCT FROM false THEN
    RAISE EXCEPTION 'the books are read-only: nothing is closed until they are found right'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_standing', SCHEMA = 'ledger', TABLE = 'period_step';
  END IF;
  IF NOT EXISTS (
    SELECT FROM ledger.check_run r JOIN ledger.check_result c ON c.check_id = r.id
     WHERE r.id = step.check_id AND r.scope = 'full' AND c.outcome = 'green'
       AND r.began_at > (SELECT max(s.at) FROM ledger.period_step s WHERE s.period_id = step.period_id AND s.step = 'soft'))
  THEN
    RAISE EXCEPTION 'a period is closed for ever only with a full check that was begun after its soft close, and is green'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_green_check', SCHEMA = 'ledger', TABLE = 'period_step';
  END IF;
  IF NOT EXISTS (SELECT FROM ledger.seal l WHERE l.size = step.seal_size AND l.root = step.root)
     AND (step.seal_size <> 0 OR EXISTS (SELECT FROM ledger.transaction))
  THEN
    RAISE EXCEPTION 'the books were never sealed with this root at size %', step.seal_size
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_root', SCHEMA = 'ledger', TABLE = 'period_step';
  END IF;
END
$$;

-- Runs as the owner: the service has no right to touch the state of a period itself.
CREATE FUNCTION ledger.take_period_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this ledger.period;
  goes text;
BEGIN
  -- Waits for postings of the controller that are under way in it.
  SELECT * INTO this FROM ledger.period p WHERE p.id = NEW.period_id FOR UPDATE;
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger.period ' || this.book, 0));
  NEW.at := clock_timestamp();
  goes := CASE this.state || ' ' || NEW.step
            WHEN 'open soft' THEN 'soft' WHEN 'soft hard' THEN 'hard' WHEN 'soft reopen' THEN 'open' END;
  IF goes IS NULL THEN
    RAISE EXCEPTION 'period % is %: % does not follow', this.id, this.state, NEW.step
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_follows', SCHEMA = 'ledger', TABLE = 'period_step';
  END IF;
  -- What is closed has no open period before it, and what is closed for ever none that may open again.
  IF EXISTS (SELECT FROM ledger.period p WHERE p.book = this.book AND p.ends_at < this.ends_at
              AND (goes = 'soft' AND p.state = 'open' OR goes = 'hard' AND p.state <> 'hard'))
     OR EXISTS (SELECT FROM ledger.period p WHERE p.book = this.book AND p.ends_at > this.ends_at
                 AND goes = 'open' AND p.state <> 'open')
  THEN
    RAISE EXCEPTION 'periods of book % close from the first to the last, and open again from the last to the first', this.book
      USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_in_order', SCHEMA = 'ledger', TABLE = 'period_step';
  END IF;
  IF goes = 'soft' THEN
    IF this.ends_at > NEW.at THEN
      RAISE EXCEPTION 'period % ends at %, which is not over', this.id, this.ends_at
        USING ERRCODE = 'check_violation', CONSTRAINT = 'period_step_is_over', SCHEMA = 'ledger', TABLE = 'period_step';
    END IF;
    -- Whoever posts already has finished, and whoever posts later sees the period closed.
    LOCK TABLE ledger.transaction IN SHARE MODE;
  END IF;
  IF goes = 'hard' THEN
    PERFORM ledger.require_closing_record(NEW);
  END IF;
  UPDATE ledger.period SET state = goes WHERE id = this.id;
  RETURN NEW;
END
$$;

CREATE TRIGGER period_step_applies BEFORE INSERT ON ledger.period_step
  FOR EACH ROW EXECUTE FUNCTION ledger.take_period_step();

-- For whoever computes what a step rests on: nothing is posted into a closed period until the transaction ends.
CREATE FUNCTION ledger.hold_period(period_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM ledger.period p WHERE p.id = period_id FOR UPDATE;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Where postings go, and where they may not.

-- The first moment of the open period of a book: nothing that is told by events counts earlier.
CREATE OR REPLACE FUNCTION ledger.opens_at(book text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT coalesce(max(p.ends_at), '-infinity') FROM ledger.period p WHERE p.book = $1 AND p.state <> 'open');

-- When something that happened then counts.
CREATE FUNCTION ledger.open_moment(book text, happened_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN greatest(happened_at, ledger.opens_at(book));

-- Whether the controller posted it: the journals, which come later, know.
CREATE FUNCTION ledger.is_posted_by_controller(source text, source_event_id uuid, book text) RETURNS boolean
LANGUAGE sql STABLE
RETURN false;

-- Runs as the owner: it holds the periods that the controller posts into, so that they are not closed for ever meanwhile.
CREATE FUNCTION ledger.require_open_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  closed_f timestamptz;
  closed_g timestamptz;
  late     record;
  found    ledger.period;
BEGIN
  SELECT max(p.ends_at) FILTER (WHERE p.book = 'F'), max(p.ends_at) FILTER (WHERE p.book = 'G') INTO closed_f, closed_g
    FROM ledger.period p WHERE p.state <> 'open';
  IF closed_f IS NULL AND closed_g IS NULL THEN
    RETURN NULL;
  END IF;
  FOR late IN
    SELECT f.id, f.book, f.source, f.source_event_id, f.effective_at FROM fresh f
     WHERE f.effective_at < CASE f.book WHEN 'F' THEN closed_f ELSE closed_g END
  LOOP
    -- Told by events, it was given its moment while the period was still open: written again it gets a later one.
    IF late.source IN ('event', 'transfer') THEN
      RAISE EXCEPTION 'the period of % in book % was closed meanwhile', late.effective_at, late.book
        USING ERRCODE = 'serialization_failure', CONSTRAINT = 'transaction_period_open', SCHEMA = 'ledger', TABLE = 'transaction';
    END IF;
    SELECT * INTO found FROM ledger.period p
     WHERE p.book = late.book AND p.ends_at > late.effective_at ORDER BY p.ends_at LIMIT 1 FOR SHARE;
    IF found.state = 'hard' OR NOT ledger.is_posted_by_controller(late.source, late.source_event_id, late.book) THEN
      RAISE EXCEPTION 'the period of % in book % is closed (%)', late.effective_at, late.book, found.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_period_open', SCHEMA = 'ledger', TABLE = 'transaction';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

CREATE TRIGGER transaction_1_period AFTER INSERT ON ledger.transaction
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_open_period();

CREATE TRIGGER period_stays BEFORE DELETE OR TRUNCATE ON ledger.period
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER period_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.period_step
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.period, ledger.period_step TO quittance_ledger;
GRANT INSERT (book, starts_at, ends_at, actor) ON ledger.period TO quittance_ledger;
GRANT INSERT (period_id, step, actor, reason, checklist, explanations, check_id, seal_size, root)
  ON ledger.period_step TO quittance_ledger;
GRANT EXECUTE ON FUNCTION ledger.open_moment(text, timestamptz), ledger.hold_period(bigint) TO quittance_ledger;
