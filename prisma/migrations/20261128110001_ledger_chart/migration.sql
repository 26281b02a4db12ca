-- The chart of accounts. The text of what follows is made of the chart in the ledger's code, and a test compares the two.

CREATE TABLE ledger.chart (
  position smallint PRIMARY KEY CHECK (position >= 1),
  code     text     NOT NULL CONSTRAINT chart_code_key UNIQUE,
  -- The one expression that says all of the rule.
  pattern  text     NOT NULL,
  class    text     NOT NULL CONSTRAINT chart_class CHECK (class IN ('memo', 'asset', 'liability', 'equity', 'revenue', 'expense')),
  normal   text     NOT NULL CONSTRAINT chart_normal CHECK (normal IN ('debit', 'credit')),
  -- The least that a decision of ours may leave on such an account, on its normal side.
  floor    numeric(78, 0),
  meaning  text     NOT NULL
);

INSERT INTO ledger.chart (position, code, pattern, class, normal, floor, meaning) VALUES
  (1, 'F:payer:{chain}:{address}', '^F:payer:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:0x[0-9a-f]{40}$', 'memo', 'credit', NULL, 'What an address paid through us, less what came back to it.'),
  (2, 'F:merchant:{chain}:{address}', '^F:merchant:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:0x[0-9a-f]{40}$', 'memo', 'debit', NULL, 'What arrived at an address, less what it gave back.'),
  (3, 'F:transit:{chain}', '^F:transit:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'memo', 'debit', NULL, 'Submitted and not settled; back to 0 for every payment.'),
  (4, 'F:authorized:{chain}', '^F:authorized:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'memo', 'debit', NULL, 'Accepted and not submitted; back to 0 for every payment.'),
  (5, 'F:suspense:token-fee:{chain}', '^F:suspense:token-fee:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'memo', 'debit', NULL, 'What a token kept of a payment on its way; such a token should not be accepted.'),
  (6, 'G:expense:gas:{chain}:{ok|reverted|missed|filler|topup|given|replaced|sponsored}', '^G:expense:gas:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:(ok|reverted|missed|filler|topup|given|replaced|sponsored)$', 'expense', 'debit', NULL, 'What mined transactions cost, by what came of them.'),
  (7, 'G:wallet:relayer:{chain}:{address}', '^G:wallet:relayer:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:0x[0-9a-f]{40}$', 'asset', 'debit', 0, 'An account of ours that pays gas.'),
  (8, 'G:transit:{gas|topup}:{chain}', '^G:transit:(gas|topup):[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'asset', 'debit', NULL, 'The most that transactions under way may cost, or own money between own wallets; back to 0 for each.'),
  (9, 'G:receivable:fees:{merchant}', '^G:receivable:fees:[-a-z0-9]{1,64}$', 'asset', 'debit', 0, 'Fees that a merchant owes us.'),
  (10, 'G:revenue:fee:{scheme}', '^G:revenue:fee:[-a-z0-9]{1,32}$', 'revenue', 'credit', NULL, 'Fees of settled payments.'),
  (11, 'G:revenue:fee:{scheme}:refunded', '^G:revenue:fee:[-a-z0-9]{1,32}:refunded$', 'revenue', 'debit', NULL, 'Fees given back; taken from the revenue.'),
  (12, 'G:wallet:treasury:{chain}:{address}', '^G:wallet:treasury:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:0x[0-9a-f]{40}$', 'asset', 'debit', 0, 'An account of ours that holds what we own.'),
  (13, 'G:suspense:{chain}', '^G:suspense:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'liability', 'credit', NULL, 'What reached or left a wallet of ours and nobody can explain yet.'),
  (14, 'G:suspense:token-fee:{chain}', '^G:suspense:token-fee:[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', 'liability', 'credit', NULL, 'What a token kept of a transfer between wallets of ours.'),
  (15, 'G:expense:{loss-reorg|writeoff}', '^G:expense:(loss-reorg|writeoff)$', 'expense', 'debit', NULL, 'What a reorganization cost, and claims that will not be paid.'),
  (16, 'G:rounding', '^G:rounding$', 'expense', 'debit', NULL, 'Units that no party can be given; untouched as long as every division keeps its remainder.'),
  (17, 'G:trading', '^G:trading$', 'equity', 'credit', NULL, 'The other side of a conversion, so that each of the two assets balances by itself.'),
  (18, 'G:equity:{opening|capital}', '^G:equity:(opening|capital)$', 'equity', 'credit', NULL, 'What was there when the books began, and what the owners put in.');

CREATE TRIGGER chart_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.chart
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
GRANT SELECT ON ledger.chart TO quittance_ledger;

-- A function and no look-up: the class of an account is a generated column, and every payer has an account. The prefix
-- comes first, so that only one expression is tried. Lengths stand apart from patterns: a counted repetition makes a
-- pattern ten times as dear. Not STRICT: a strict function that holds a CASE is never inlined, and each call of it starts
-- an executor of its own (17 µs an account instead of 5).
CREATE OR REPLACE FUNCTION ledger.account_class(code text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN starts_with(code, 'F:payer:')
   AND code ~ '^F:payer:[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 3)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32
   AND length(split_part(code, ':', 5)) = 42 THEN 'memo'
  WHEN starts_with(code, 'F:merchant:')
   AND code ~ '^F:merchant:[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 3)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32
   AND length(split_part(code, ':', 5)) = 42 THEN 'memo'
  WHEN starts_with(code, 'F:transit:')
   AND code ~ '^F:transit:[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 3)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32 THEN 'memo'
  WHEN starts_with(code, 'F:authorized:')
   AND code ~ '^F:authorized:[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 3)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32 THEN 'memo'
  WHEN starts_with(code, 'F:suspense:token-fee:')
   AND code ~ '^F:suspense:token-fee:[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32 THEN 'memo'
  WHEN starts_with(code, 'G:expense:gas:')
   AND code ~ '^G:expense:gas:[-a-z0-9]+:[-_a-zA-Z0-9]+:(ok|reverted|missed|filler|topup|given|replaced|sponsored)$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32 THEN 'expense'
  WHEN starts_with(code, 'G:wallet:relayer:')
   AND code ~ '^G:wallet:relayer:[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32
   AND length(split_part(code, ':', 6)) = 42 THEN 'asset'
  WHEN starts_with(code, 'G:transit:')
   AND code ~ '^G:transit:(gas|topup):[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32 THEN 'asset'
  WHEN starts_with(code, 'G:receivable:fees:')
   AND code ~ '^G:receivable:fees:[-a-z0-9]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 64 THEN 'asset'
  WHEN starts_with(code, 'G:revenue:fee:')
   AND code ~ '^G:revenue:fee:[-a-z0-9]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32 THEN 'revenue'
  WHEN starts_with(code, 'G:revenue:fee:')
   AND code ~ '^G:revenue:fee:[-a-z0-9]+:refunded$'
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32 THEN 'revenue'
  WHEN starts_with(code, 'G:wallet:treasury:')
   AND code ~ '^G:wallet:treasury:[-a-z0-9]+:[-_a-zA-Z0-9]+:0x[0-9a-f]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32
   AND length(split_part(code, ':', 6)) = 42 THEN 'asset'
  WHEN starts_with(code, 'G:suspense:')
   AND code ~ '^G:suspense:[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 3)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 4)) BETWEEN 1 AND 32 THEN 'liability'
  WHEN starts_with(code, 'G:suspense:token-fee:')
   AND code ~ '^G:suspense:token-fee:[-a-z0-9]+:[-_a-zA-Z0-9]+$'
   AND length(split_part(code, ':', 4)) BETWEEN 3 AND 8
   AND length(split_part(code, ':', 5)) BETWEEN 1 AND 32 THEN 'liability'
  WHEN starts_with(code, 'G:expense:')
   AND code ~ '^G:expense:(loss-reorg|writeoff)$' THEN 'expense'
  WHEN code = 'G:rounding' THEN 'expense'
  WHEN code = 'G:trading' THEN 'equity'
  WHEN starts_with(code, 'G:equity:')
   AND code ~ '^G:equity:(opening|capital)$' THEN 'equity'
END;

-- Of codes in the chart only: what a guard needs to know of an account that decisions of ours may not overdraw.
CREATE OR REPLACE FUNCTION ledger.account_floor(code text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN starts_with(code, 'G:wallet:relayer:') THEN 0::numeric
  WHEN starts_with(code, 'G:receivable:fees:') THEN 0::numeric
  WHEN starts_with(code, 'G:wallet:treasury:') THEN 0::numeric
END;
GRANT EXECUTE ON FUNCTION ledger.account_floor(text) TO quittance_ledger;
