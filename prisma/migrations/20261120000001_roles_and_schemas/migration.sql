-- One schema and one role a service. Everything is owned by the role that migrates, which no service may assume:
-- an owner could drop the guards that later migrations put on its tables.

-- Roles belong to the whole server, so that another database's migration may be creating the same ones right now.
DO $$
DECLARE
  service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['facilitator', 'settlement', 'ledger'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'quittance_' || service) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT',
                       'quittance_' || service);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- somebody else made it in between
      END;
    END IF;
  END LOOP;
END
$$;

CREATE SCHEMA events;
CREATE SCHEMA facilitator;
CREATE SCHEMA settlement;
CREATE SCHEMA ledger;

GRANT USAGE ON SCHEMA facilitator TO quittance_facilitator;
GRANT USAGE ON SCHEMA settlement  TO quittance_settlement;
GRANT USAGE ON SCHEMA ledger      TO quittance_ledger;
GRANT USAGE ON SCHEMA events      TO quittance_facilitator, quittance_settlement, quittance_ledger;

-- Services connect and work in their schema, and that is all: no temporary tables, nothing in public,
-- and no function of ours that is not granted by name.
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO quittance_facilitator, quittance_settlement, quittance_ledger',
                 current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
