-- What is still to be sealed, how it is sealed, and what is signed of it.

-- ---------------------------------------------------------------------------------------------------------------------
-- What is to be sealed. One row for each statement that wrote headers, written by that statement: whoever sees the row
-- sees the headers, however late they were committed, and on whatever server they were restored since.

CREATE TABLE ledger.unsealed (
  id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Between these ids there may be headers of others too: those of this row have its xid.
  first_id  bigint      NOT NULL,
  last_id   bigint      NOT NULL,
  xid       xid8        NOT NULL,
  headers   bigint      NOT NULL CHECK (headers >= 1),
  queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT unsealed_in_order CHECK (first_id <= last_id)
);

-- Runs as the owner, so that the service itself can neither add to what is to be sealed nor take from it.
CREATE FUNCTION ledger.queue_for_sealing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO ledger.unsealed (first_id, last_id, xid, headers)
  SELECT min(f.id), max(f.id), pg_current_xact_id(), count(*) FROM fresh f HAVING count(*) > 0;
  RETURN NULL;
END
$$;

CREATE TRIGGER transaction_9_sealing AFTER INSERT ON ledger.transaction
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger.queue_for_sealing();

INSERT INTO ledger.unsealed (first_id, last_id, xid, headers)
SELECT min(id), max(id), xid, count(*) FROM ledger.transaction GROUP BY xid ORDER BY min(id);

-- At the end of the database transaction, once for each statement that wrote headers: no line can come after this. Each
-- header has lines; and what takes back has the lines of what it takes back with the other sign, all of them where it says
-- which transaction it is the mirror of, those of the settled layer where it says which settlement.
CREATE FUNCTION ledger.require_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  empty bigint;
  taken record;
BEGIN
  SELECT t.id INTO empty
    FROM ledger.transaction t
   WHERE t.id BETWEEN NEW.first_id AND NEW.last_id AND t.xid = NEW.xid
     AND NOT EXISTS (SELECT FROM ledger.entry e
                      WHERE e.transaction_id = t.id AND e.transaction_id BETWEEN NEW.first_id AND NEW.last_id)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction % has no lines', empty
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_lines', SCHEMA = 'ledger', TABLE = 'transaction';
  END IF;
  FOR taken IN
    SELECT t.id, coalesce(t.reverses, (SELECT o.id FROM ledger.transaction o
                                        WHERE o.payment_id = t.payment_id AND o.settlement = -t.settlement)) AS original,
           t.reverses IS NULL AS only_settled
      FROM ledger.transaction t
     WHERE t.id BETWEEN NEW.first_id AND NEW.last_id AND t.xid = NEW.xid AND (t.reverses IS NOT NULL OR t.settlement < 0)
  LOOP
    IF EXISTS (
      SELECT FROM ledger.entry e
       WHERE e.transaction_id IN (taken.id, taken.original) AND (NOT taken.only_settled OR e.layer = 'settled')
       GROUP BY e.account_id, e.asset_id, e.layer, CASE e.transaction_id WHEN taken.id THEN -e.amount ELSE e.amount END
      HAVING sum(CASE e.transaction_id WHEN taken.id THEN 1 ELSE -1 END) <> 0
    ) THEN
      RAISE EXCEPTION 'transaction % is not the mirror of transaction %', taken.id, taken.original
        USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_mirror', SCHEMA = 'ledger', TABLE = 'entry';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- What is put back into the queue, sealed in part, was looked at when it came.
CREATE CONSTRAINT TRIGGER unsealed_whole AFTER INSERT ON ledger.unsealed
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.xid = pg_current_xact_id()) EXECUTE FUNCTION ledger.require_whole();

-- ---------------------------------------------------------------------------------------------------------------------
-- Hashes of complete subtrees of 2^level leaves, each made of 256 of the level below: with them a proof in a tree of
-- any size is made from some hundred hashes. They follow from the leaves.

CREATE TABLE ledger.subtree (
  level smallint NOT NULL CONSTRAINT subtree_level CHECK (level IN (8, 16, 24, 32, 40)),
  index bigint   NOT NULL CHECK (index >= 0),
  hash  bytea    NOT NULL CONSTRAINT subtree_hash_sha256 CHECK (octet_length(hash) = 32),
  PRIMARY KEY (level, index)
);

CREATE TRIGGER subtree_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.subtree
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- ---------------------------------------------------------------------------------------------------------------------
-- Seals the headers of the queue's rows `batches`, in this order and by rising id; of the last row only those up to
-- `last_id`. The service brings hashes and root, 32 bytes each; which transaction gets which position, that none is left
-- out and none comes twice, is decided here. All or nothing, and after `sealed` leaves or not at all.

CREATE FUNCTION ledger.append_seal(
  sealed bigint, batches bigint[], last_id bigint, hashes bytea, root bytea, levels smallint[], indexes bigint[], subtrees bytea[]
) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Plans are made once a session, perhaps while the tables are empty; and by index the ids come in order.
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  before ledger.seal;
  batch ledger.unsealed;
  place integer;
  cut bigint;
  taken bigint;
  size bigint := sealed;
  wrong record;
  at timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger.append_seal', 0));
  SELECT s.* INTO before FROM ledger.seal s ORDER BY s.size DESC LIMIT 1;
  IF coalesce(before.size, 0) IS DISTINCT FROM sealed THEN
    RAISE EXCEPTION '% leaves are sealed, not %: somebody else sealed meanwhile', coalesce(before.size, 0), sealed
      USING ERRCODE = 'serialization_failure';
  END IF;
  FOR place IN 1 .. coalesce(cardinality(batches), 0) LOOP
    DELETE FROM ledger.unsealed u WHERE u.id = batches[place] RETURNING u.* INTO batch;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'there is nothing to seal by the number %', batches[place]
        USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_of_unsealed', SCHEMA = 'ledger', TABLE = 'seal';
    END IF;
    cut := CASE WHEN place = cardinality(batches) THEN least(batch.last_id, last_id) ELSE batch.last_id END;
    IF batch.last_id - batch.first_id + 1 = batch.headers THEN
      -- All ids in between are its own, and need not be read.
      INSERT INTO ledger.leaf (position, transaction_id, hash)
      SELECT size + i - batch.first_id, i, substr(hashes, ((size - sealed + i - batch.first_id) * 32 + 1)::integer, 32)
        FROM generate_series(batch.first_id, cut) AS i;
    ELSE
      INSERT INTO ledger.leaf (position, transaction_id, hash)
      SELECT size + n.ordinal - 1, n.id, substr(hashes, ((size - sealed + n.ordinal - 1) * 32 + 1)::integer, 32)
        FROM (SELECT t.id, row_number() OVER (ORDER BY t.id) AS ordinal
                FROM ledger.transaction t WHERE t.id BETWEEN batch.first_id AND cut AND t.xid = batch.xid) n;
    END IF;
    GET DIAGNOSTICS taken = ROW_COUNT;
    size := size + taken;
    IF cut < batch.last_id AND taken BETWEEN 1 AND batch.headers - 1 THEN
      INSERT INTO ledger.unsealed (id, first_id, last_id, xid, headers, queued_at) OVERRIDING SYSTEM VALUE
      VALUES (batch.id, cut + 1, batch.last_id, batch.xid, batch.headers - taken, batch.queued_at);
    ELSIF taken <> batch.headers THEN
      RAISE EXCEPTION 'of the % transactions by the number % there are %', batch.headers, batch.id, taken
        USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_of_all', SCHEMA = 'ledger', TABLE = 'seal';
    END IF;
  END LOOP;
  IF octet_length(hashes) IS DISTINCT FROM (size - sealed) * 32 THEN
    RAISE EXCEPTION '% transactions are sealed with % bytes of hashes', size - sealed, octet_length(hashes)
      USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_hash_each', SCHEMA = 'ledger', TABLE = 'seal';
  END IF;
  INSERT INTO ledger.subtree (level, index, hash)
  SELECT given.level, given.index, given.hash FROM unnest(levels, indexes, subtrees) AS given (level, index, hash);
  -- Those that this seal completed, each of them, and no others.
  SELECT l.level, size >> l.level AS complete,
         (SELECT count(*) FROM unnest(levels) AS given (level) WHERE given.level = l.level) AS given,
         (SELECT count(*) FROM ledger.subtree t WHERE t.level = l.level AND t.index >= sealed >> l.level AND t.index < size >> l.level)
           AS stored INTO wrong
    FROM (VALUES (8), (16), (24), (32), (40)) AS l (level)
   WHERE (SELECT count(*) FROM unnest(levels) AS given (level) WHERE given.level = l.level) <> (size >> l.level) - (sealed >> l.level)
      OR (SELECT count(*) FROM ledger.subtree t WHERE t.level = l.level AND t.index >= sealed >> l.level AND t.index < size >> l.level)
         <> (size >> l.level) - (sealed >> l.level)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'of level % there are % complete subtrees at size %, and those that are new were not given', wrong.level,
      wrong.complete, size
      USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_subtrees', SCHEMA = 'ledger', TABLE = 'seal';
  END IF;
  -- Rising, though clocks may go back.
  at := greatest(date_trunc('milliseconds', clock_timestamp()), before.sealed_at + interval '1 millisecond');
  INSERT INTO ledger.seal (size, first_position, root, sealed_at) VALUES (size, sealed, root, at);
  RETURN at;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- What we signed: the shape of C2SP's checkpoints of transparency logs, and the keys that it was signed with.

CREATE TABLE ledger.checkpoint_key (
  -- As a signed note has it: its name, a hash of name and key, the key itself.
  verifier_key text        PRIMARY KEY CONSTRAINT checkpoint_key_form CHECK (verifier_key ~ '^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$'),
  first_used   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.checkpoint (
  size         bigint         PRIMARY KEY CONSTRAINT checkpoint_seal REFERENCES ledger.seal,
  note         text           NOT NULL CHECK (octet_length(note) <= 4096),
  verifier_key text           NOT NULL CONSTRAINT checkpoint_signed_with REFERENCES ledger.checkpoint_key,
  signed_at    timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- Nothing is signed but what was sealed, and sizes only rise.
CREATE FUNCTION ledger.require_sealed_root() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF split_part(NEW.note, E'\n', 1) IS DISTINCT FROM split_part(NEW.verifier_key, '+', 1)
    OR split_part(NEW.note, E'\n', 2) IS DISTINCT FROM NEW.size::text
    OR split_part(NEW.note, E'\n', 3) || ' ' || split_part(NEW.note, E'\n', 4)
       IS DISTINCT FROM (SELECT encode(s.root, 'base64') || ' sealed '
                             || to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                           FROM ledger.seal s WHERE s.size = NEW.size)
    OR split_part(NEW.note, E'\n', 5) !~ '^seals [0-9a-f]+$'
    OR octet_length(split_part(NEW.note, E'\n', 5)) <> 70 OR split_part(NEW.note, E'\n', 6) <> ''
  THEN
    RAISE EXCEPTION 'the checkpoint of size % does not say what was sealed', NEW.size
      USING ERRCODE = 'check_violation', CONSTRAINT = 'checkpoint_of_seal', SCHEMA = 'ledger', TABLE = 'checkpoint';
  END IF;
  IF NEW.size <= (SELECT max(c.size) FROM ledger.checkpoint c) THEN
    RAISE EXCEPTION 'a checkpoint of size % or more is signed already', NEW.size
      USING ERRCODE = 'check_violation', CONSTRAINT = 'checkpoint_rises', SCHEMA = 'ledger', TABLE = 'checkpoint';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER checkpoint_of_seal BEFORE INSERT ON ledger.checkpoint
  FOR EACH ROW EXECUTE FUNCTION ledger.require_sealed_root();
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER checkpoint_key_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint_key
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.unsealed, ledger.subtree, ledger.checkpoint, ledger.checkpoint_key TO quittance_ledger;
GRANT EXECUTE ON FUNCTION ledger.append_seal(bigint, bigint[], bigint, bytea, bytea, smallint[], bigint[], bytea[])
  TO quittance_ledger;
GRANT INSERT (size, note, verifier_key) ON ledger.checkpoint TO quittance_ledger;
GRANT INSERT (verifier_key) ON ledger.checkpoint_key TO quittance_ledger;
