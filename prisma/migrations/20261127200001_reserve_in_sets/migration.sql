-- Reservations are made in sets: one by one they were the longest statement on a payment's way, and each replica's commits
-- wait for it. Two of one purse must not count the same money, so each is in a round of its own; mostly there is one.

-- As before, and as a query that the planner sees through, for it is asked once for each reservation.
CREATE OR REPLACE FUNCTION facilitator.in_flight(of_chain text, of_asset text, of_payer text, at_block bigint, at_time numeric,
                                                 landed text[])
RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(counted.amount), 0) FROM (
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state IN ('accepted', 'submitted')
       AND id::text <> ALL (landed)
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'confirmed' AND block_number > at_block
    UNION ALL
    SELECT amount FROM facilitator.payment
     WHERE chain_id = of_chain AND asset = of_asset AND payer = of_payer AND state = 'failed' AND NOT authorization_spent
       AND valid_before >= at_time AND (method = 'permit2' OR valid_before > at_time)
       AND id::text <> ALL (landed)) AS counted
$$;

CREATE OR REPLACE FUNCTION facilitator.reserve_many(reservations jsonb[])
RETURNS TABLE (outcome text, counted numeric)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rounds integer[];
  round integer;
  one record;
  outcomes text[] := array_fill(NULL::text, ARRAY[cardinality(reservations)]);
  sums numeric[] := array_fill(NULL::numeric, ARRAY[cardinality(reservations)]);
  -- What is told of those that are reserved.
  ids uuid[];
  topics text[];
  partitions integer[];
  keys text[];
  vals text[];
BEGIN
  -- In one order for everybody, so that two calls that share payers never wait for each other in a circle. All purses of a
  -- payer have one lock, as his permits share their nonces.
  PERFORM pg_advisory_xact_lock(lock_key) FROM (
    SELECT DISTINCT hashtextextended(format('facilitator.payer:%s:%s',
             r -> 'terms' ->> 'chain_id', r -> 'terms' ->> 'payer'), 0) AS lock_key
      FROM unnest(reservations) AS r ORDER BY lock_key) AS payer;
  SELECT array_agg(g.round ORDER BY g.place) INTO rounds FROM (
    SELECT place, row_number() OVER (PARTITION BY r -> 'terms' ->> 'chain_id', r -> 'terms' ->> 'asset',
                                                  r -> 'terms' ->> 'payer' ORDER BY place) AS round
      FROM unnest(reservations) WITH ORDINALITY AS given (r, place)) AS g;
  FOR round IN SELECT DISTINCT turn FROM unnest(rounds) AS turn ORDER BY turn LOOP
    -- A statement of its own: it must see what those who held the locks before us have committed, and the round before.
    FOR one IN
      WITH asked AS MATERIALIZED (
        SELECT given.place, given.r, terms.*
          FROM unnest(reservations) WITH ORDINALITY AS given (r, place),
               jsonb_populate_record(NULL::facilitator.payment, given.r -> 'terms') AS terms
         WHERE rounds[given.place] = round
      ), looked AS MATERIALIZED (
        SELECT a.*, EXISTS (SELECT FROM facilitator.payment p WHERE p.id = a.id) AS is_known,
               facilitator.in_flight(a.chain_id, a.asset, a.payer, (a.r ->> 'at_block')::bigint, (a.r ->> 'at_time')::numeric,
                                     ARRAY(SELECT jsonb_array_elements_text(a.r -> 'landed'))) AS held
          FROM asked a
      ), judged AS MATERIALIZED (
        SELECT l.*, NOT l.is_known AND l.amount > 0 AND (l.r ->> 'balance')::numeric - l.held < l.amount AS is_short
          FROM looked l
      ), added AS (
        INSERT INTO facilitator.payment (id, chain_id, asset, payer, nonce, pay_to, amount, valid_after, valid_before,
                                         x402_version, network_as_written, scheme, resource, fingerprint, last_event_id,
                                         method, facilitator, ceiling, sponsoring)
        SELECT j.id, j.chain_id, j.asset, j.payer, j.nonce, j.pay_to, j.amount, j.valid_after, j.valid_before,
               j.x402_version, j.network_as_written, j.scheme, j.resource, j.fingerprint, j.last_event_id,
               coalesce(j.method, 'eip3009'), j.facilitator, j.ceiling, j.sponsoring
          FROM judged j WHERE NOT j.is_known AND NOT j.is_short ORDER BY j.place
        ON CONFLICT DO NOTHING
        RETURNING last_event_id
      )
      SELECT j.place, CASE WHEN j.is_known THEN 'exists' WHEN j.is_short THEN 'short'
                           WHEN added.last_event_id IS NULL THEN 'exists' ELSE 'reserved' END AS outcome,
             CASE WHEN NOT j.is_known THEN j.held END AS held
        FROM judged j LEFT JOIN added ON added.last_event_id = j.last_event_id
    LOOP
      outcomes[one.place] := one.outcome;
      sums[one.place] := one.held;
    END LOOP;
  END LOOP;
  INSERT INTO facilitator.verdict (route, valid, reason, fingerprint, payment_id, x402_version, scheme, network, asset, payer,
                                   pay_to, amount, block_number, judged_at)
  SELECT v.route, v.valid, v.reason, v.fingerprint, v.payment_id, v.x402_version, v.scheme, v.network, v.asset, v.payer,
         v.pay_to, v.amount, v.block_number, v.judged_at
    FROM unnest(reservations) WITH ORDINALITY AS given (r, place),
         jsonb_populate_record(NULL::facilitator.verdict, given.r -> 'verdict') AS v
   WHERE outcomes[given.place] = 'reserved' AND given.r -> 'verdict' IS NOT NULL
   ORDER BY given.place;
  -- The id that its payer gave it is remembered as long as any that was used.
  PERFORM facilitator.keep_identified(given.r -> 'identifier')
    FROM unnest(reservations) WITH ORDINALITY AS given (r, place)
   WHERE outcomes[given.place] = 'reserved' AND given.r -> 'identifier' IS NOT NULL;
  -- Of what is waived there is nothing to tell.
  SELECT array_agg((given.r -> 'terms' ->> 'last_event_id')::uuid ORDER BY given.place),
         array_agg(given.r ->> 'topic' ORDER BY given.place),
         array_agg((given.r ->> 'partition')::integer ORDER BY given.place),
         array_agg(given.r ->> 'key' ORDER BY given.place),
         array_agg(given.r ->> 'accepted' ORDER BY given.place)
    INTO ids, topics, partitions, keys, vals
    FROM unnest(reservations) WITH ORDINALITY AS given (r, place)
   WHERE outcomes[given.place] = 'reserved' AND (given.r -> 'terms' ->> 'amount')::numeric > 0;
  -- Last of all, for from here to the commit it may hold what every service waits for.
  IF ids IS NOT NULL THEN
    PERFORM facilitator.emit(ids, topics, partitions, keys, vals);
  END IF;
  RETURN QUERY SELECT outcomes[place], sums[place] FROM generate_series(1, cardinality(reservations)) AS place ORDER BY place;
END
$$;
