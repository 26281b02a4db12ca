-- Journals by hand, with four eyes: one person drafts, another one decides. What is approved is posted in the same
-- transaction, exactly as it was drafted, once.

CREATE TABLE ledger.journal (
  id           uuid           PRIMARY KEY DEFAULT gen_random_uuid(),
  book         text           NOT NULL CONSTRAINT journal_book CHECK (book IN ('F', 'G')),
  effective_at timestamptz(3) NOT NULL,
  reason       text           NOT NULL CONSTRAINT journal_reason CHECK (length(reason) BETWEEN 3 AND 2000),
  payment_id   uuid,
  -- The transaction that it is to be the mirror of.
  reverses     bigint,
  author       text           NOT NULL CONSTRAINT journal_author CHECK (length(author) BETWEEN 1 AND 64),
  drafted_at   timestamptz    NOT NULL DEFAULT clock_timestamp(),
  xid          xid8           NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT journal_not_ahead CHECK (effective_at <= drafted_at)
);
CREATE INDEX journal_drafted_at ON ledger.journal (drafted_at, id);

CREATE TABLE ledger.journal_line (
  journal_id uuid           NOT NULL CONSTRAINT journal_line_journal REFERENCES ledger.journal,
  line       smallint       NOT NULL CHECK (line >= 1),
  account    text           COLLATE "C" NOT NULL
             CONSTRAINT journal_line_account_in_chart CHECK (ledger.account_class(account) IS NOT NULL),
  asset      text           NOT NULL,
  layer      ledger.layer   NOT NULL,
  amount     numeric(78, 0) NOT NULL CONSTRAINT journal_line_amount_not_zero CHECK (amount <> 0),
  PRIMARY KEY (journal_id, line),
  CONSTRAINT journal_line_once UNIQUE (journal_id, account, asset, layer)
);

CREATE TABLE ledger.journal_decision (
  journal_id    uuid        PRIMARY KEY CONSTRAINT journal_decision_journal REFERENCES ledger.journal,
  verdict       text        NOT NULL CONSTRAINT journal_decision_verdict CHECK (verdict IN ('approved', 'rejected', 'withdrawn')),
  actor         text        NOT NULL CONSTRAINT journal_decision_actor CHECK (length(actor) BETWEEN 1 AND 64),
  -- Whether the actor is also the controller, who may still post into what is soft-closed.
  as_controller boolean     NOT NULL,
  reason        text        NOT NULL CONSTRAINT journal_decision_reason CHECK (length(reason) BETWEEN 3 AND 2000),
  decided_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Guards of a draft.

CREATE FUNCTION ledger.require_journal_lines() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh f GROUP BY f.journal_id, f.asset, f.layer HAVING sum(f.amount) <> 0) THEN
    RAISE EXCEPTION 'a journal is out of balance by asset and layer'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_line_balanced', SCHEMA = 'ledger', TABLE = 'journal_line';
  END IF;
  IF EXISTS (SELECT FROM fresh f WHERE left(f.account, 1) IS DISTINCT FROM
              (SELECT j.book FROM ledger.journal j WHERE j.id = f.journal_id)) THEN
    RAISE EXCEPTION 'a journal names an account of the other book'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_line_book', SCHEMA = 'ledger', TABLE = 'journal_line';
  END IF;
  IF EXISTS (SELECT FROM fresh f WHERE (SELECT s.id FROM ledger.asset s WHERE s.code = f.asset) IS NULL) THEN
    RAISE EXCEPTION 'a journal names an asset that the books do not know'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_line_asset', SCHEMA = 'ledger', TABLE = 'journal_line';
  END IF;
  -- What was drafted is what is decided about: no line comes later.
  IF EXISTS (SELECT FROM fresh f WHERE pg_current_xact_id() IS DISTINCT FROM
              (SELECT j.xid FROM ledger.journal j WHERE j.id = f.journal_id)) THEN
    RAISE EXCEPTION 'a journal takes lines only when it is drafted'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_line_sealed', SCHEMA = 'ledger', TABLE = 'journal_line';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER journal_line_guard AFTER INSERT ON ledger.journal_line
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_journal_lines();

-- ---------------------------------------------------------------------------------------------------------------------
-- Guards of a decision.

CREATE FUNCTION ledger.require_other_eyes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (NEW.verdict = 'withdrawn') IS DISTINCT FROM
     (NEW.actor = (SELECT j.author FROM ledger.journal j WHERE j.id = NEW.journal_id)) THEN
    RAISE EXCEPTION 'a journal is decided by another one than its author, who can only withdraw it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_decision_other_eyes', SCHEMA = 'ledger', TABLE = 'journal_decision';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER journal_decision_other_eyes BEFORE INSERT ON ledger.journal_decision
  FOR EACH ROW EXECUTE FUNCTION ledger.require_other_eyes();

-- At the end of the transaction: approved and posted are one.
CREATE FUNCTION ledger.require_posted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ledger.journal j JOIN ledger.transaction t ON t.source_event_id = j.id AND t.book = j.book
                  WHERE j.id = NEW.journal_id AND t.source = 'journal') THEN
    RAISE EXCEPTION 'journal % is approved and not posted', NEW.journal_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_decision_posts', SCHEMA = 'ledger', TABLE = 'journal_decision';
  END IF;
  RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER journal_decision_posts AFTER INSERT ON ledger.journal_decision
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.verdict = 'approved') EXECUTE FUNCTION ledger.require_posted();

-- ---------------------------------------------------------------------------------------------------------------------
-- Guards of what is posted.

-- Journals are few. What a database transaction posted of them is found without reading the rest.
CREATE INDEX transaction_journal_xid ON ledger.transaction (xid) WHERE source = 'journal';

-- Every journal that this database transaction posted is one that was approved, to the last line. Asked after headers
-- as after lines: neither can be added behind the other.
CREATE FUNCTION ledger.require_as_drafted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  posted record;
BEGIN
  FOR posted IN
    SELECT t.id, t.source_event_id, t.book, t.effective_at, t.occurred_at, t.payment_id, t.chain_transaction, t.reverses
      FROM ledger.transaction t WHERE t.source = 'journal' AND t.xid = pg_current_xact_id()
  LOOP
    IF NOT EXISTS (
      SELECT FROM ledger.journal j JOIN ledger.journal_decision d ON d.journal_id = j.id
       WHERE j.id = posted.source_event_id AND d.verdict = 'approved' AND j.book = posted.book
         AND j.effective_at = posted.effective_at AND j.effective_at = posted.occurred_at
         AND j.payment_id IS NOT DISTINCT FROM posted.payment_id AND j.reverses IS NOT DISTINCT FROM posted.reverses
         AND posted.chain_transaction IS NULL)
    THEN
      RAISE EXCEPTION 'transaction % is not a journal that was approved', posted.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_journal_approved', SCHEMA = 'ledger', TABLE = 'transaction';
    END IF;
    IF EXISTS (
      (SELECT l.account, l.asset, l.layer, l.amount FROM ledger.journal_line l WHERE l.journal_id = posted.source_event_id
       EXCEPT ALL
       SELECT a.code, s.code, e.layer, e.amount FROM ledger.entry e
         JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
        WHERE e.transaction_id = posted.id)
      UNION ALL
      (SELECT a.code, s.code, e.layer, e.amount FROM ledger.entry e
         JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
        WHERE e.transaction_id = posted.id
       EXCEPT ALL
       SELECT l.account, l.asset, l.layer, l.amount FROM ledger.journal_line l WHERE l.journal_id = posted.source_event_id))
    THEN
      RAISE EXCEPTION 'transaction % has other lines than the journal that was approved', posted.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_journal_as_drafted', SCHEMA = 'ledger', TABLE = 'transaction';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

CREATE TRIGGER transaction_2_journal AFTER INSERT ON ledger.transaction
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_as_drafted();
CREATE TRIGGER entry_5_journal AFTER INSERT ON ledger.entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_as_drafted();

CREATE OR REPLACE FUNCTION ledger.is_posted_by_controller(source text, source_event_id uuid, book text) RETURNS boolean
LANGUAGE sql STABLE
RETURN $1 = 'journal' AND EXISTS (SELECT FROM ledger.journal_decision d
                                   WHERE d.journal_id = $2 AND d.verdict = 'approved' AND d.as_controller);

CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER journal_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_line
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER journal_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_decision
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.journal, ledger.journal_line, ledger.journal_decision TO quittance_ledger;
GRANT INSERT (book, effective_at, reason, payment_id, reverses, author) ON ledger.journal TO quittance_ledger;
GRANT INSERT (journal_id, line, account, asset, layer, amount) ON ledger.journal_line TO quittance_ledger;
GRANT INSERT (journal_id, verdict, actor, as_controller, reason) ON ledger.journal_decision TO quittance_ledger;
