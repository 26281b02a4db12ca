-- Writes by people and programs, each with the answer that it got: whoever tries one again gets that answer, and what was
-- asked by whom stays.

CREATE TABLE ledger.write (
  actor        text        NOT NULL CONSTRAINT write_actor CHECK (length(actor) BETWEEN 1 AND 64),
  key          text        NOT NULL CONSTRAINT write_key CHECK (length(key) BETWEEN 1 AND 255),
  -- Method and path.
  operation    text        NOT NULL,
  -- SHA-256 over operation and body: the same key stands for the same request.
  request_hash bytea       NOT NULL CONSTRAINT write_request_hash CHECK (octet_length(request_hash) = 32),
  status       smallint    NOT NULL CONSTRAINT write_status CHECK (status BETWEEN 200 AND 299),
  reply        json        NOT NULL,
  written_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (actor, key)
);

CREATE TRIGGER write_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.write
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.write TO quittance_ledger;
GRANT INSERT (actor, key, operation, request_hash, status, reply) ON ledger.write TO quittance_ledger;

-- Who read what of payers. Written in batches a moment later, by time.
CREATE TABLE ledger.access_log (
  id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL,
  -- Null while the service is run without tokens.
  actor   text        CONSTRAINT access_log_actor CHECK (length(actor) BETWEEN 1 AND 64),
  -- The path with its query, cut.
  request text        NOT NULL CONSTRAINT access_log_request CHECK (length(request) <= 500),
  status  smallint    NOT NULL
);
CREATE INDEX access_log_actor_at ON ledger.access_log (actor, at);

CREATE TRIGGER access_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.access_log
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT ON ledger.access_log TO quittance_ledger;
GRANT INSERT (at, actor, request, status) ON ledger.access_log TO quittance_ledger;
