-- Gas is given to a payer, not to a payment: who offers several at once has one approval to send, and who took gas and did
-- not pay is not given more for a day.

-- Since a day ago, what the payer of a payment was given for it or for others that it did not pay: a transaction that may be
-- mined, or was. Null where it has nothing, or paid with what it had.
CREATE FUNCTION settlement.top_up_of(wanting uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN bool_or(b.state = 'mined' AND (p.payment_id = w.payment_id OR p.state IN ('failed', 'expired'))) THEN 'mined'
              WHEN count(*) > 0 THEN 'outstanding' END
    FROM settlement.payment w
    JOIN settlement.payment p ON p.chain_id = w.chain_id AND p.authority = w.authority AND p.payer = w.payer
    JOIN settlement.batch b ON b.top_up_payment = p.payment_id
   WHERE w.payment_id = wanting AND b.state <> 'displaced'
     AND (p.payment_id = w.payment_id OR (p.state <> 'confirmed' AND b.created_at > now() - interval '1 day'))
$$;

CREATE OR REPLACE FUNCTION settlement.guard_top_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  needing settlement.payment%ROWTYPE;
BEGIN
  SELECT * INTO needing FROM settlement.payment WHERE payment_id = NEW.top_up_payment FOR NO KEY UPDATE;
  IF needing.state IS DISTINCT FROM 'queued' OR needing.chain_id <> NEW.chain_id
     OR needing.sponsoring->>'kind' IS DISTINCT FROM 'erc20_approval' THEN
    RAISE EXCEPTION 'gas is given for a queued payment of the chain that came with an approval'
      USING ERRCODE = '23514', CONSTRAINT = 'batch_top_up_needed';
  END IF;
  -- Of two processes that give gas to one payer, for different payments, one sees what the other gave.
  PERFORM pg_advisory_xact_lock(hashtextextended('settlement.top_up:' || needing.chain_id || ':' || needing.payer, 0));
  IF settlement.top_up_of(NEW.top_up_payment) IS NOT NULL THEN
    RAISE EXCEPTION 'gas is given once for a payment, and to a payer who pays with it'
      USING ERRCODE = '23514', CONSTRAINT = 'batch_top_up_once';
  END IF;
  RETURN NEW;
END $$;

GRANT EXECUTE ON FUNCTION settlement.top_up_of(uuid) TO quittance_settlement;
