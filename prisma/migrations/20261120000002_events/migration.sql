-- The event log of the `postgres` transport, and the outbox and inbox of each service.

-- ---------------------------------------------------------------------------------------------------------------------
-- The log: append-only, with gapless offsets per (topic, partition).

CREATE TABLE events.log (
  -- No longer than the name of its channel may be.
  topic       text        NOT NULL CHECK (topic ~ '^[a-z0-9][a-z0-9._-]{0,47}$'),
  partition   integer     NOT NULL CHECK (partition BETWEEN 0 AND 999),
  "offset"    bigint      NOT NULL CHECK ("offset" >= 0),
  key         text        NOT NULL CHECK (octet_length(key) <= 512),
  -- Text and not jsonb: what was sent is what arrives, even if it turns out to be no event at all.
  value       text        NOT NULL CHECK (octet_length(value) <= 1048576),
  appended_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, "offset")
);

-- The row lock on a partition's head makes the order of commits the order of offsets: a reader that sees
-- offset n can never later see a smaller one appear.
CREATE TABLE events.partition_head (
  topic       text    NOT NULL,
  partition   integer NOT NULL,
  next_offset bigint  NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
  PRIMARY KEY (topic, partition)
);

CREATE TABLE events.consumer_offset (
  consumer_group text        NOT NULL CHECK (consumer_group ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
  topic          text        NOT NULL,
  partition      integer     NOT NULL,
  next_offset    bigint      NOT NULL CHECK (next_offset >= 0),
  moved_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer_group, topic, partition)
);

CREATE FUNCTION events.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$$;

CREATE TRIGGER log_is_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON events.log
  FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_change();

-- Appends records in the order given and says how many. The heads stay locked until the commit, so this is the last thing
-- that a transaction does: who waits for a head holds rows perhaps, but who holds heads waits for nothing but heads, and
-- those are locked in one order. Runs as the owner, because offsets stay gapless and heads true only if nobody else writes
-- either table.
CREATE FUNCTION events.append(topics text[], partitions integer[], keys text[], vals text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  appended bigint;
BEGIN
  WITH given AS (
    SELECT r.topic, r.partition, r.key, r.value,
           row_number() OVER (PARTITION BY r.topic, r.partition ORDER BY r.place) AS position
      FROM unnest(topics, partitions, keys, vals) WITH ORDINALITY AS r (topic, partition, key, value, place)
  ), head AS (
    -- What locks is an upsert and no read: it goes on from the head as it is by then, whatever this statement saw.
    INSERT INTO events.partition_head AS h (topic, partition, next_offset)
    SELECT g.topic, g.partition, count(*) FROM given g GROUP BY g.topic, g.partition ORDER BY g.topic, g.partition
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = h.next_offset + excluded.next_offset
    RETURNING h.topic, h.partition, h.next_offset
  ), added AS (
    INSERT INTO events.log (topic, partition, "offset", key, value)
    SELECT g.topic, g.partition, head.next_offset - max(g.position) OVER (PARTITION BY g.topic, g.partition) + g.position - 1,
           g.key, g.value
      FROM given g JOIN head USING (topic, partition)
    RETURNING topic
  ), announced AS (
    SELECT count(*) AS records, pg_notify('quittance_log_' || topic, '') FROM added GROUP BY topic
  )
  SELECT coalesce(sum(records), 0) INTO appended FROM announced;
  RETURN appended;
END
$$;

GRANT EXECUTE ON FUNCTION events.append(text[], integer[], text[], text[])
  TO quittance_facilitator, quittance_settlement, quittance_ledger;
GRANT SELECT ON events.log, events.partition_head TO quittance_facilitator, quittance_settlement, quittance_ledger;
GRANT SELECT, INSERT ON events.consumer_offset TO quittance_facilitator, quittance_settlement, quittance_ledger;
GRANT UPDATE (next_offset, moved_at) ON events.consumer_offset
  TO quittance_facilitator, quittance_settlement, quittance_ledger;

-- A service moves the offsets of its own groups: `settlement`, or `settlement.<anything>`.
ALTER TABLE events.consumer_offset ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_groups_of_facilitator ON events.consumer_offset TO quittance_facilitator
  USING (split_part(consumer_group, '.', 1) = 'facilitator');
CREATE POLICY own_groups_of_settlement ON events.consumer_offset TO quittance_settlement
  USING (split_part(consumer_group, '.', 1) = 'settlement');
CREATE POLICY own_groups_of_ledger ON events.consumer_offset TO quittance_ledger
  USING (split_part(consumer_group, '.', 1) = 'ledger');

-- ---------------------------------------------------------------------------------------------------------------------
-- Outbox and inbox: the same two tables in each service's schema.

CREATE FUNCTION events.announce_outbox() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('quittance_outbox_' || TG_TABLE_SCHEMA, '');
  RETURN NULL;
END
$$;

CREATE FUNCTION events.keep_unpublished() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.published_at IS NULL THEN
    RAISE EXCEPTION '%.outbox: event % is not published yet and may not be deleted', TG_TABLE_SCHEMA, OLD.event_id
      USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  RETURN OLD;
END
$$;

DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['facilitator', 'settlement', 'ledger'] LOOP
    EXECUTE format($tables$
      -- `json` keeps the text as written; `jsonb` would refuse a \u0000 that a caller put into free text.
      CREATE TABLE %1$I.outbox (
        sequence     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id     uuid        NOT NULL UNIQUE,
        event        json        NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz
      );
      CREATE INDEX outbox_unpublished ON %1$I.outbox (sequence) WHERE published_at IS NULL;
      CREATE INDEX outbox_published   ON %1$I.outbox (published_at) WHERE published_at IS NOT NULL;
      CREATE TRIGGER outbox_announced AFTER INSERT ON %1$I.outbox
        FOR EACH STATEMENT EXECUTE FUNCTION events.announce_outbox();
      CREATE TRIGGER outbox_kept BEFORE DELETE ON %1$I.outbox
        FOR EACH ROW EXECUTE FUNCTION events.keep_unpublished();

      CREATE TABLE %1$I.inbox (
        event_id    uuid        PRIMARY KEY,
        received_at timestamptz NOT NULL DEFAULT now()
      );

      -- Emits events in the transaction of the change they tell of, as its last statement. The session says by
      -- `quittance.event_route` whether to write to the log itself; who says nothing writes to the outbox. Nor does
      -- anything pass by what still waits there from a time before: of one key, the earlier event was committed before,
      -- and so is seen here until it is in the log.
      CREATE FUNCTION %1$I.emit(ids uuid[], topics text[], partitions integer[], keys text[], vals text[]) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $emit$
      BEGIN
        IF current_setting('quittance.event_route', true) = 'log'
           AND NOT EXISTS (SELECT FROM %1$I.outbox WHERE published_at IS NULL) THEN
          PERFORM events.append(topics, partitions, keys, vals);
        ELSE
          INSERT INTO %1$I.outbox (event_id, event)
          SELECT r.id, r.event::json FROM unnest(ids, vals) WITH ORDINALITY AS r (id, event, place) ORDER BY r.place;
        END IF;
      END
      $emit$;

      GRANT EXECUTE ON FUNCTION %1$I.emit(uuid[], text[], integer[], text[], text[]) TO %2$I;
      GRANT SELECT, DELETE, INSERT (event_id, event), UPDATE (published_at) ON %1$I.outbox TO %2$I;
      GRANT SELECT, INSERT (event_id) ON %1$I.inbox TO %2$I;
    $tables$, service, 'quittance_' || service);
  END LOOP;
END
$$;
