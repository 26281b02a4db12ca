-- Headers of more than payment events: transfers seen on chain, manual journals, closings. Each says where it is from, and
-- keeps its own date beside the one it counts at.

ALTER TABLE ledger.transaction
  ADD COLUMN source text NOT NULL DEFAULT 'event'
    CONSTRAINT transaction_source CHECK (source IN ('event', 'transfer', 'journal', 'close')),
  -- When it happened. It counts at `effective_at`, which is later where the books of that day were closed by then.
  ADD COLUMN occurred_at timestamptz,
  -- The transaction of which this one is the mirror.
  ADD COLUMN reverses bigint;

ALTER TABLE ledger.transaction DISABLE TRIGGER transaction_append_only;
UPDATE ledger.transaction SET occurred_at = effective_at;
ALTER TABLE ledger.transaction ENABLE TRIGGER transaction_append_only;

ALTER TABLE ledger.transaction
  ALTER COLUMN occurred_at SET NOT NULL,
  ALTER COLUMN source DROP DEFAULT,
  ADD CONSTRAINT transaction_counts_no_earlier CHECK (effective_at >= occurred_at),
  -- What events tell is about one payment, but for transactions that carry none; the rest may be about one.
  DROP CONSTRAINT transaction_payment_or_filler,
  ADD CONSTRAINT transaction_payment_or_filler
    CHECK (source <> 'event' OR (payment_id IS NULL) = (event_type = 'settlement.filled')),
  DROP CONSTRAINT transaction_event_type_check,
  ADD CONSTRAINT transaction_event_type CHECK (event_type ~ '^[a-z]+(\.[a-z_]+)+$' AND octet_length(event_type) <= 64),
  ADD CONSTRAINT transaction_reverses_earlier CHECK (reverses < id);

-- A mirror is posted once. Few transactions are one: the index is of those alone.
CREATE UNIQUE INDEX transaction_reverses_key ON ledger.transaction (reverses) WHERE reverses IS NOT NULL;

-- The first moment of the open period of a book: nothing may count earlier.
CREATE FUNCTION ledger.opens_at(book text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN '-infinity'::timestamptz;

GRANT EXECUTE ON FUNCTION ledger.opens_at(text) TO quittance_ledger;
GRANT INSERT (source, occurred_at, reverses) ON ledger.transaction TO quittance_ledger;
