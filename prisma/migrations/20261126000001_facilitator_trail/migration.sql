-- The trail of a payment's states is written once a statement, and not once a row: events come in batches, and to change
-- the role and the search path for each row cost as much as all else that a change of state takes.
CREATE FUNCTION facilitator.record_beginnings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO facilitator.payment_transition (payment_id, from_state, to_state, event_id)
  SELECT a.id, NULL, a.state, a.last_event_id FROM after a;
  RETURN NULL;
END
$$;

CREATE FUNCTION facilitator.record_transitions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO facilitator.payment_transition (payment_id, from_state, to_state, event_id, reason, transaction_hash)
  SELECT a.id, b.state, a.state, a.last_event_id, CASE WHEN a.state = 'failed' THEN a.reason END, a.transaction_hash
    FROM after a JOIN before b USING (id)
   WHERE (a.state, a.transaction_hash) IS DISTINCT FROM (b.state, b.transaction_hash);
  -- Whoever waits, waits for the outcome; what is on its way is looked up when his time is up.
  PERFORM pg_notify('quittance_facilitator_payment', a.id::text)
    FROM after a JOIN before b USING (id)
   WHERE (a.state, a.transaction_hash) IS DISTINCT FROM (b.state, b.transaction_hash)
     AND a.state IN ('confirmed', 'failed', 'expired');
  RETURN NULL;
END
$$;

DROP TRIGGER payment_recorded ON facilitator.payment;
CREATE TRIGGER payment_beginnings_recorded AFTER INSERT ON facilitator.payment
  REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION facilitator.record_beginnings();
CREATE TRIGGER payment_transitions_recorded AFTER UPDATE ON facilitator.payment
  REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION facilitator.record_transitions();
DROP FUNCTION facilitator.record_transition();
