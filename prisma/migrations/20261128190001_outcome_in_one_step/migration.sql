-- Where blocks are quick, a payment's broadcast and its outcome are told at once. To change its row twice in one transaction
-- cost as much as all else that is done then: it is changed once, and the row names the event of the broadcast that was passed.
-- The trail has both steps, as before.
ALTER TABLE facilitator.payment
  ADD COLUMN passed_event_id uuid,
  ADD CONSTRAINT payment_passed_with_hash CHECK (passed_event_id IS NULL OR transaction_hash IS NOT NULL);

CREATE OR REPLACE FUNCTION facilitator.record_transitions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM after a JOIN before b USING (id)
              WHERE a.passed_event_id IS DISTINCT FROM b.passed_event_id
                AND (b.state <> 'accepted' OR a.state NOT IN ('confirmed', 'failed')
                     OR a.passed_event_id IS NULL OR a.passed_event_id = a.last_event_id)) THEN
    RAISE EXCEPTION 'a broadcast is passed only on the way from acceptance to an outcome'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_passed', SCHEMA = 'facilitator', TABLE = 'payment';
  END IF;
  INSERT INTO facilitator.payment_transition (payment_id, from_state, to_state, event_id, reason, transaction_hash)
  SELECT a.id, s.from_state, s.to_state, s.event_id, CASE WHEN s.to_state = 'failed' THEN a.reason END, a.transaction_hash
    FROM after a JOIN before b USING (id)
   CROSS JOIN LATERAL (SELECT a.passed_event_id IS DISTINCT FROM b.passed_event_id AS passed) AS broadcast
   CROSS JOIN LATERAL (VALUES
     (1, b.state, 'submitted', a.passed_event_id),
     (2, CASE WHEN passed THEN 'submitted' ELSE b.state END, a.state, a.last_event_id)
   ) AS s (step, from_state, to_state, event_id)
   WHERE (a.state, a.transaction_hash) IS DISTINCT FROM (b.state, b.transaction_hash) AND (passed OR s.step = 2)
   ORDER BY a.id, s.step;
  -- Whoever waits, waits for the outcome; what is on its way is looked up when his time is up.
  PERFORM pg_notify('quittance_facilitator_payment', a.id::text)
    FROM after a JOIN before b USING (id)
   WHERE (a.state, a.transaction_hash) IS DISTINCT FROM (b.state, b.transaction_hash)
     AND a.state IN ('confirmed', 'failed', 'expired');
  RETURN NULL;
END
$$;

GRANT UPDATE (passed_event_id) ON facilitator.payment TO quittance_facilitator;
