-- The event log of the `postgres` transport, and the outbox and inbox of each service.

-- ---------------------------------------------------------------------------------------------------------------------
-- The log: append-only, with gapless offsets per (topic, partition).

CREATE TABLE events.log (
  topic       text        NOT NULL CHECK (topic ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
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

-- Appends records in the order given and says how many. Runs as the owner, because offsets stay gapless and
-- heads true only if nobody else writes either table.
CREATE FUNCTION events.append(topics text[], partitions integer[], keys text[], vals text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  appended bigint;
BEGIN
  INSERT INTO events.partition_head (topic, partition)
  SELECT DISTINCT r.topic, r.partition FROM unnest(topics, partitions) AS r (topic, partition)
   WHERE NOT EXISTS (SELECT FROM events.partition_head h WHERE h.topic = r.topic AND h.partition = r.partition)
   ORDER BY 1, 2
  ON CONFLICT DO NOTHING;

  -- In one order everywhere, so that two publishers never wait for each other in a circle.
  PERFORM FROM events.partition_head h
   WHERE (h.topic, h.partition) IN (SELECT r.topic, r.partition FROM unnest(topics, partitions) AS r (topic, partition))
   ORDER BY h.topic, h.partition
     FOR UPDATE;

  -- A statement of its own: it must see the heads as they are now that they are locked.
  WITH numbered AS (
    SELECT r.topic, r.partition, r.key, r.value,
           row_number() OVER (PARTITION BY r.topic, r.partition ORDER BY r.position) - 1 AS distance
      FROM unnest(topics, partitions, keys, vals) WITH ORDINALITY AS r (topic, partition, key, value, position)
  ), added AS (
    INSERT INTO events.log (topic, partition, "offset", key, value)
    SELECT n.topic, n.partition, h.next_offset + n.distance, n.key, n.value
      FROM numbered n JOIN events.partition_head h USING (topic, partition)
    RETURNING topic, partition
  ), counted AS (
    SELECT topic, partition, count(*) AS records FROM added GROUP BY topic, partition
  ), moved AS (
    UPDATE events.partition_head h SET next_offset = h.next_offset + c.records
      FROM counted c WHERE h.topic = c.topic AND h.partition = c.partition
    RETURNING c.records, pg_notify('quittance_log', h.topic || ':' || h.partition)
  )
  SELECT coalesce(sum(records), 0) INTO appended FROM moved;
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

      GRANT SELECT, DELETE, INSERT (event_id, event), UPDATE (published_at) ON %1$I.outbox TO %2$I;
      GRANT SELECT, INSERT (event_id) ON %1$I.inbox TO %2$I;
    $tables$, service, 'quittance_' || service);
  END LOOP;
END
$$;
