import { type Attack, type AttackMaker, byCheck, byKey, byTrigger } from './guard-attack.js';
import { PaymentStory } from './payment-events.js';

/** What the service's own role may try against the books, the guard that refuses it, and how that guard is removed. */

export const story = new PaymentStory({ name: 'guarded', amount: 1_000_000n });
/** Where a line goes; the asset and layer of an honest one unless told. */
type Place = { readonly account: string; readonly asset?: string; readonly layer?: string };

export const usdc = `(SELECT id FROM ledger.asset WHERE code LIKE '%erc20%')`;
export const eth = `(SELECT id FROM ledger.asset WHERE code LIKE '%slip44%')`;
export const payer: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'F:payer:%')` };
export const transit: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'F:transit:%')` };
export const wallet: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:wallet:%')` };
export const gasTransit: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:transit:%')` };
export const oldHeader = `(SELECT min(id) FROM ledger.transaction WHERE book = 'F')`;
const uint256End = (2n ** 256n).toString();

export const header = (
  eventId = 'gen_random_uuid()',
  about = `'payment.accepted', '${story.paymentId}'`,
): string =>
  `INSERT INTO ledger.transaction
     (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
   VALUES ('F', 'event', ${eventId}, ${about}, 0, now(), now())`;

export const line = (
  number: number,
  { account, asset = usdc, layer = 'encumbered' }: Place,
  amount: string,
): string => `${number}, ${account}, ${asset}, '${layer}'::ledger.layer, ${amount}`;

export const entries = (lines: readonly string[], on = 'h.id'): string =>
  `INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount) ${lines
    .map((one) => `SELECT ${on}, ${one}${on === 'h.id' ? ' FROM h' : ''}`)
    .join(' UNION ALL ')}`;

export const transaction = (lines: readonly string[], written = header()): string =>
  `WITH h AS (${written} RETURNING id) ${entries(lines)}`;

export const oldLog = `(SELECT log_block FROM ledger.transaction WHERE settlement = 1)`;
export const oldHash = `(SELECT chain_transaction FROM ledger.transaction WHERE settlement = 1)`;
const other = '00000000-0000-8000-8000-000000000001';

type Settling = {
  readonly payment?: string;
  readonly settlement?: number | 'NULL';
  readonly block?: string;
  readonly hash?: string;
  readonly turn?: number;
};

/** A header of book F that says which settlement it is, and by which log. */
export const settling = ({
  payment = other,
  settlement = 1,
  block = `decode(repeat('ab', 32), 'hex')`,
  hash = `'0x${'cd'.repeat(32)}'`,
  turn = 0,
}: Settling = {}): string => {
  const isTakenBack = settlement !== 'NULL' && settlement < 0;
  const log = isTakenBack ? `NULL, NULL, 0` : `${block}, 3, ${turn}`;
  return `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at,
     occurred_at, chain_transaction, settlement, log_block, log_index, log_turn)
   VALUES ('F', 'event', gen_random_uuid(), 'settlement.confirmed', '${payment}', 0, now(), now(), ${hash}, ${settlement}, ${log})`;
};

/** A header of something else than an event. */
export const sourced = (source: string, { book = 'G', reverses = 'NULL' } = {}): string =>
  `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, shard, effective_at, occurred_at, reverses)
   VALUES ('${book}', '${source}', gen_random_uuid(), '${source}.made', 0, now(), now(), ${reverses})`;

type OddHeader = {
  readonly book: string;
  readonly source: string;
  readonly kind: string;
  readonly hash: string;
  readonly shard: string;
  readonly at: string;
  readonly reverses: string;
  readonly block: string;
  readonly index: string;
  readonly settlement: string;
};

/** A header that is right but for what is told otherwise. */
const odd = (change: Partial<OddHeader>): string => {
  const given = {
    book: "'F'",
    source: "'event'",
    kind: "'payment.accepted'",
    hash: 'NULL',
    shard: '0',
    at: 'now()',
  };
  const { book, source, kind, hash, shard, at } = { ...given, ...change };
  const { reverses = 'NULL', block = 'NULL', index = 'NULL', settlement = 'NULL' } = change;
  return `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, chain_transaction, shard,
     effective_at, occurred_at, reverses, log_block, log_index, settlement)
   VALUES (${book}, ${source}, gen_random_uuid(), ${kind}, '${story.paymentId}', ${hash}, ${shard}, ${at}, now(), ${reverses}, ${block}, ${index},
     ${settlement})`;
};

const byLineTrigger = (trigger: string, constraint: string): AttackMaker =>
  byTrigger({ table: 'entry', trigger, constraint });
const byHeaderTrigger = (trigger: string, constraint: string): AttackMaker =>
  byTrigger({ table: 'transaction', trigger, constraint });
/** Once all that a database transaction wrote is there. */
const byEnd =
  (constraint: string): AttackMaker =>
  (...attack) =>
    byTrigger({ table: 'unsealed', trigger: 'unsealed_whole', constraint })(
      ...attack,
      'SET CONSTRAINTS ALL IMMEDIATE',
    );

const unbalanced = byLineTrigger('entry_1_balanced', 'entry_balanced');
const sealed = byLineTrigger('entry_2_sealed', 'entry_sealed');
const foreign = byLineTrigger('entry_3_account', 'entry_account');
const unnumbered = byLineTrigger('entry_6_settlement', 'entry_settlement');
const overdrawn = byLineTrigger('entry_8_floor', 'entry_floor');
const outOfTurn = byHeaderTrigger('transaction_3_settled_once', 'transaction_settled_once');
const stillBooked = byHeaderTrigger('transaction_3_settled_once', 'transaction_log_once');
const noMirror = byEnd('entry_mirror');
const noLines = byEnd('transaction_lines');
const settledTwice = byKey('transaction_settlement_key');
const bookedTwice = byKey('transaction_log_key');
export const reversedTwice = byKey('transaction_reverses_key');
const zero = byCheck('entry', 'entry_amount_not_zero');
const tooLarge = byCheck('entry', 'entry_amount_uint256');
const offChart = byCheck('account', 'account_code_in_chart');
const twiceNamed = byCheck('asset', 'asset_code_lower_case');
const aboutNothing = byCheck('transaction', 'transaction_payment_or_filler');

export const pair = [line(1, payer, '-5'), line(2, transit, '5')];
const settled = (place: Place): Place => ({ ...place, layer: 'settled' });
const merchant = settled({ account: `(SELECT id FROM ledger.account WHERE code LIKE 'F:merchant:%')` });
export const money = [line(1, merchant, '5'), line(2, settled(payer), '-5')];
export const moneyBack = [line(1, merchant, '-1000000'), line(2, settled(payer), '1000000')];
const lastHeader = '(SELECT max(id) FROM ledger.transaction)';
/** Seals what was written last: what was noted of its headers is gone then. */
const sealLast = `SELECT ledger.append_seal(0, ARRAY[max(u.id)], max(u.last_id), decode(repeat('5a', 32), 'hex'),
  decode(repeat('5a', 32), 'hex'), '{}', '{}', '{}') FROM ledger.unsealed u`;
const native = (place: Place, layer = 'settled'): Place => ({ ...place, asset: eth, layer });
const gas = native({ account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:expense:gas:%:ok')` });
/** The wallet began with nothing and paid for gas: whatever is taken from it is too much. */
export const drawn = [line(1, gas, '1'), line(2, native(wallet), '-1')];
const drawnBack = [line(1, gas, '-1'), line(2, native(wallet), '1')];
const cancelling = [line(1, native(wallet), '-7'), line(2, native(wallet), '7')];
const beforeLast = `(SELECT max(id) - 1 FROM ledger.transaction)`;
const reserved = [line(1, native(gasTransit, 'inflight'), '1'), line(2, native(wallet, 'inflight'), '-1')];
export const oldFiller = `(SELECT id FROM ledger.transaction WHERE event_type = 'settlement.filled')`;
const filler = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:expense:gas:%:filler')` };
export const fillerBack = (amount: string): string[] => [
  line(1, native(filler), `-${amount}`),
  line(2, native(wallet), amount),
];

export const attacks: Attack[] = [
  unbalanced('debits without as many credits', transaction([line(1, payer, '-5'), line(2, transit, '6')])),
  unbalanced('one leg alone', transaction([line(1, payer, '-5')])),
  unbalanced(
    'legs on different layers',
    transaction([line(1, payer, '-5'), line(2, { ...transit, layer: 'inflight' }, '5')]),
  ),
  sealed(
    'a balanced pair added to a transaction of the past',
    entries([line(11, payer, '-5'), line(12, transit, '5')], oldHeader),
  ),
  {
    ...sealed('lines without a header', entries(pair, '999999')),
    // The balances have no place for such lines either.
    removal: ['entry_2_sealed', 'entry_3_account', 'entry_4_balances']
      .map((trigger) => `DROP TRIGGER ${trigger} ON ledger.entry`)
      .join('; '),
  },
  foreign(
    'an asset that the account does not hold',
    transaction([line(1, { ...payer, asset: eth }, '-5'), line(2, { ...transit, asset: eth }, '5')]),
  ),
  foreign(
    'an account that does not exist',
    transaction([line(1, { account: '999999' }, '-5'), line(2, transit, '5')]),
  ),
  foreign(
    'accounts of the other book',
    transaction([line(1, { ...wallet, asset: eth }, '-5'), line(2, { ...gasTransit, asset: eth }, '5')]),
  ),
  zero('an amount of 0', transaction([...pair, line(3, payer, '0')])),
  tooLarge(
    'an amount of 2^256',
    transaction([line(1, payer, `-${uint256End}`), line(2, transit, uint256End)]),
  ),
  ...[
    'X:payer',
    'F:payer:eip155:1',
    'F:payer:eip155:1:0xABC',
    `F:payer:eip155:1:0x${'A'.repeat(40)}`,
    `F:payer:eip155:1:0x${'a'.repeat(41)}`,
    `F:payer:eip155:${'1'.repeat(33)}:0x${'a'.repeat(40)}`,
    `F:merchant:ei:1:0x${'a'.repeat(40)}`,
    `G:wallet:relayer:eip155:1:0x${'a'.repeat(39)}`,
    `G:wallet:relayer:eip155eip:1:0x${'a'.repeat(40)}x`,
    'F:transit:eip155eip1:1',
    'G:transit:gas:ei:1',
    'G:expense:gas:eip155:1:lost',
    'F:transit',
    ' F:transit:eip155:1',
  ].map((code) =>
    offChart(
      `an account outside the chart: ${code}`,
      `INSERT INTO ledger.account (code, asset_id) VALUES ('${code}', ${usdc})`,
    ),
  ),
  twiceNamed('one asset under two names', "INSERT INTO ledger.asset (code) VALUES ('eip155:1/erc20:0xAB')"),
  aboutNothing(
    'a header of a payment that names none',
    header('gen_random_uuid()', `'settlement.confirmed', NULL`),
  ),
  aboutNothing(
    'a filler that names a payment',
    header('gen_random_uuid()', `'settlement.filled', '${story.paymentId}'`),
  ),
  settledTwice(
    'an authorization settled twice (I7)',
    transaction(money, settling({ payment: story.paymentId })),
  ),
  outOfTurn(
    'a second settlement while the first stands (I7)',
    transaction(money, settling({ payment: story.paymentId, settlement: 2 })),
  ),
  outOfTurn(
    'a settlement taken back that never was (I7)',
    settling({ payment: story.paymentId, settlement: -2 }),
  ),
  noMirror(
    'a settlement taken back in part (I7)',
    transaction(
      [line(1, merchant, '-5'), line(2, settled(payer), '5')],
      settling({ payment: story.paymentId, settlement: -1 }),
    ),
  ),
  unnumbered('settled money that is no settlement (I7)', transaction(money)),
  unnumbered(
    'settled money that is no settlement, on a header that was taken out of the queue before (I7)',
    header(),
    sealLast,
    entries(money, lastHeader),
  ),
  overdrawn(
    'a close that takes more than is there, on a header that was taken out of the queue before (I10)',
    sourced('close'),
    sealLast,
    entries(drawn, lastHeader),
  ),
  bookedTwice('a log on chain booked for another payment (I8)', settling({ block: oldLog, hash: oldHash })),
  stillBooked(
    'a log on chain booked anew though it stands (I8)',
    settling({ block: oldLog, hash: oldHash, turn: 1 }),
  ),
  byCheck('transaction', 'transaction_settled_by_log')(
    'a settlement by no log (I8)',
    header()
      .replace('source_event_id,', 'settlement, source_event_id,')
      .replace('gen_random_uuid(),', '1, gen_random_uuid(),')
      .replaceAll(story.paymentId, other),
  ),
  noMirror(
    'a mirror of other amounts (I9)',
    transaction(fillerBack('20'), sourced('transfer', { reverses: oldFiller })),
  ),
  noMirror('a mirror that is none (I9)', transaction(drawn, sourced('transfer', { reverses: oldFiller }))),
  noMirror(
    'a mirror with more lines than its original, though they come to nothing (I9)',
    transaction(
      [...fillerBack('21'), line(3, native(wallet), '-7'), line(4, native(wallet), '7')],
      sourced('transfer', { reverses: oldFiller }),
    ),
  ),
  noMirror(
    'the mirror of what never was (I9)',
    transaction(cancelling, sourced('transfer', { reverses: '-1' })),
  ),
  noMirror(
    'a mirror of what gets more lines behind it (I9)',
    transaction(drawn, sourced('transfer')),
    transaction(drawnBack, sourced('transfer', { reverses: beforeLast })),
    entries([line(3, gas, '5'), line(4, native(wallet), '-5')], beforeLast),
  ),
  noLines('a header without lines (I4)', header()),
  noLines('a settlement that moves nothing (I4)', settling()),
  noLines('a mirror without lines (I9)', sourced('transfer', { reverses: oldFiller })),
  overdrawn('a close that takes more than is there (I10)', transaction(drawn, sourced('close'))),
  overdrawn('a close that promises more than is there (I10)', transaction(reserved, sourced('close'))),
  ...[
    ['a book that is none', 'transaction_book', { book: "'X'" }],
    ['a source that is none', 'transaction_source', { source: "'rumour'" }],
    ['a type that is none', 'transaction_event_type', { kind: "'Payment accepted'" }],
    ['a hash that is none', 'transaction_chain_transaction_check', { hash: `'0x${'CD'.repeat(32)}'` }],
    ['a hash that is too short', 'transaction_chain_transaction_check', { hash: "'0xcd'" }],
    ['a shard that is none', 'transaction_shard_check', { shard: '1000' }],
    ['what counts before it happened', 'transaction_counts_no_earlier', { at: "now() - interval '1 day'" }],
    ['the mirror of what is still to come', 'transaction_reverses_earlier', { reverses: '999999' }],
    ['half a log', 'transaction_log', { index: '3' }],
    [
      'a log whose place in the block is not told (I8)',
      'transaction_log',
      { block: `decode(repeat('ab', 32), 'hex')`, hash: `'0x${'cd'.repeat(32)}'` },
    ],
    ['a settlement by number 0', 'transaction_settlement', { settlement: '0' }],
    [
      'a settlement in the book of our own money',
      'transaction_settlement',
      { book: "'G'", settlement: '-1' },
    ],
  ].map(([name, constraint, change]) =>
    byCheck('transaction', constraint as string)(name as string, odd(change as Partial<OddHeader>)),
  ),
  byCheck('entry', 'entry_line_check')(
    'a line with the number 0',
    transaction([line(0, payer, '-5'), line(1, transit, '5')]),
  ),
  byCheck('asset', 'asset_code_is_caip19')(
    'an asset without a chain',
    "INSERT INTO ledger.asset (code) VALUES ('usdc')",
  ),
  {
    name: 'an account of an asset that is none',
    statements: [`INSERT INTO ledger.account (code, asset_id) VALUES ('G:trading', 999999)`],
    refusal: { code: '23503', constraint: 'account_asset' },
    removal: 'ALTER TABLE ledger.account DROP CONSTRAINT account_asset',
  },
  byKey('account_code_asset_key', 'account')(
    'an account opened twice',
    `INSERT INTO ledger.account (code, asset_id) SELECT code, asset_id FROM ledger.account LIMIT 1`,
  ),
  byKey('asset_code_key', 'asset')(
    'an asset known twice',
    `INSERT INTO ledger.asset (code) SELECT code FROM ledger.asset LIMIT 1`,
  ),
  byKey('entry_pkey', 'entry')(
    'a line written twice',
    `WITH h AS (${header()} RETURNING id) ${entries([line(1, payer, '-5'), line(1, transit, '5')])}`,
  ),
  byTrigger({ table: 'chain', trigger: 'chain_forward_only', constraint: 'chain_forward_only' })(
    'a final block that goes back',
    'UPDATE ledger.chain SET final_block = 99',
  ),
  byKey('transaction_source_event_key', 'transaction')(
    'a source event posted twice in one book (I6)',
    header(`(SELECT source_event_id FROM ledger.transaction WHERE id = ${oldHeader})`),
  ),
];
