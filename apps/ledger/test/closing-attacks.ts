import { type Attack, type AttackMaker, byCheck, byKey, byTrigger } from './guard-attack.js';
import { PaymentStory } from './payment-events.js';

export const story = new PaymentStory({ name: 'closed', amount: 1_000_000n });

export const ids = {
  hard: '1',
  soft: '2',
  open: '3',
  greenCheck: '11111111-1111-4111-8111-111111111111',
  sliceCheck: '22222222-2222-4222-8222-222222222222',
  driftCheck: '33333333-3333-4333-8333-333333333333',
  staleCheck: '44444444-4444-4444-8444-444444444444',
  draft: '55555555-5555-4555-8555-555555555555',
  softDraft: '66666666-6666-4666-8666-666666666666',
  hardDraft: '77777777-7777-4777-8777-777777777777',
};
const usdc = `(SELECT id FROM ledger.asset WHERE code LIKE '%erc20%')`;
const usdcCode = `(SELECT code FROM ledger.asset WHERE code LIKE '%erc20%')`;
const payer = `(SELECT id FROM ledger.account WHERE code LIKE 'F:payer:%')`;
const transit = `(SELECT id FROM ledger.account WHERE code LIKE 'F:transit:%')`;
const codeOf = (pattern: string): string => `(SELECT code FROM ledger.account WHERE code LIKE '${pattern}')`;
const root = `decode(repeat('ab', 32), 'hex')`;
export const inHard = '2026-10-15T00:00:00Z';
export const inSoft = '2026-11-10T00:00:00Z';
export const inOpen = '2026-11-20T00:00:00Z';

/** Periods of book F that are closed, soft-closed and open, checks of every kind, and drafts by ada. */
export const scene = `
  INSERT INTO ledger.seal (size, first_position, root, sealed_at) VALUES (1, 0, ${root}, now());
  INSERT INTO ledger.check_run (id, scope, actor) VALUES ('${ids.staleCheck}', 'full', 'ada');
  INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('F', NULL, '2026-11-01Z', 'cleo');
  INSERT INTO ledger.period_step (period_id, step, actor, reason) VALUES (1, 'soft', 'cleo', 'over');
  INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('F', '2026-11-01Z', '2026-11-15Z', 'cleo');
  INSERT INTO ledger.period_step (period_id, step, actor, reason) VALUES (2, 'soft', 'cleo', 'over');
  INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('F', '2026-11-15Z', '2999-01-01Z', 'cleo');
  INSERT INTO ledger.check_run (id, scope, actor) VALUES
    ('${ids.greenCheck}', 'full', 'ada'), ('${ids.sliceCheck}', 'slice', 'ledger'), ('${ids.driftCheck}', 'full', 'ada');
  INSERT INTO ledger.check_result (check_id, outcome, looked_at, drift, overdue) VALUES
    ('${ids.staleCheck}', 'green', '{}', '[]', '[]'), ('${ids.greenCheck}', 'green', '{}', '[]', '[]'),
    ('${ids.sliceCheck}', 'green', '{}', '[]', '[]'), ('${ids.driftCheck}', 'drift', '{}', '[{}]', '[]');
  INSERT INTO ledger.period_step (period_id, step, actor, reason, checklist, explanations, check_id, seal_size, root)
  VALUES (1, 'hard', 'cleo', 'done', '[{"name":"a","outcome":"pass"}]', '{}', '${ids.greenCheck}', 1, ${root});
  ${[
    [ids.draft, inOpen],
    [ids.softDraft, inSoft],
    [ids.hardDraft, inHard],
  ]
    .map(
      ([id, at]) => `
  INSERT INTO ledger.journal (id, book, effective_at, reason, author) VALUES ('${id}', 'F', '${at}', 'a correction', 'ada');
  INSERT INTO ledger.journal_line (journal_id, line, account, asset, layer, amount) VALUES
    ('${id}', 1, ${codeOf('F:payer:%')}, ${usdcCode}, 'settled', -5),
    ('${id}', 2, ${codeOf('F:transit:%')}, ${usdcCode}, 'settled', 5);`,
    )
    .join('')}`;

/** A header with a balanced pair of lines, or with others. */
export const posting = (
  {
    source = 'event',
    at = inOpen,
    event = 'gen_random_uuid()',
    payment = `'${story.paymentId}'`,
    layer = 'inflight',
  },
  lines: readonly (readonly [string, string])[] = [
    [payer, '-5'],
    [transit, '5'],
  ],
): string =>
  `WITH h AS (INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
     VALUES ('F', '${source}', ${event}, 'payment.accepted', ${payment}, 0, '${at}', '${at}') RETURNING id)
   INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount) ${lines
     .map(
       ([account, amount], index) =>
         `SELECT id, ${index + 1}, ${account}, ${usdc}, '${layer}'::ledger.layer, ${amount} FROM h`,
     )
     .join(' UNION ALL ')}`;

export const journal = (id: string, at: string, lines?: Parameters<typeof posting>[1]): string =>
  posting({ source: 'journal', at, event: `'${id}'`, payment: 'NULL', layer: 'settled' }, lines);

const decision = (
  id: string,
  verdict: string,
  { actor, asController = false }: { readonly actor: string; readonly asController?: boolean },
): string =>
  `INSERT INTO ledger.journal_decision (journal_id, verdict, actor, as_controller, reason)
   VALUES ('${id}', '${verdict}', '${actor}', ${asController}, 'looked at it')`;

export const step = (period: string, name: string): string =>
  `INSERT INTO ledger.period_step (period_id, step, actor, reason) VALUES (${period}, '${name}', 'cleo', 'a reason')`;

export const close = ({
  period = ids.soft,
  checklist = '[{"name":"a","outcome":"pass"}]',
  explanations = '{}',
  check = `'${ids.greenCheck}'`,
  size = '1',
  sealed = root,
}): string =>
  `INSERT INTO ledger.period_step (period_id, step, actor, reason, checklist, explanations, check_id, seal_size, root)
   VALUES (${period}, 'hard', 'cleo', 'a reason', '${checklist}', '${explanations}', ${check}, ${size}, ${sealed})`;

const suspend = `SELECT ledger.suspend('something is wrong')`;
const resume = (check: string): string =>
  `INSERT INTO ledger.standing_change (read_only, reason, actor, check_id) VALUES (false, 'all is well', 'cleo', ${check})`;

const late = byTrigger({
  table: 'transaction',
  trigger: 'transaction_1_period',
  constraint: 'transaction_period_open',
});
const lateEvent = byTrigger({
  table: 'transaction',
  trigger: 'transaction_1_period',
  constraint: 'transaction_period_open',
  code: '40001',
});
const wrongStep = (constraint: string): AttackMaker =>
  byTrigger({ table: 'period_step', trigger: 'period_step_applies', constraint });
const readOnly = byTrigger({
  table: 'transaction',
  trigger: 'transaction_0_standing',
  constraint: 'transaction_standing',
  code: '25006',
});
const closedEyes = byTrigger({
  table: 'journal_decision',
  trigger: 'journal_decision_other_eyes',
  constraint: 'journal_decision_other_eyes',
});
const notResumed = byTrigger({
  table: 'standing_change',
  trigger: 'standing_change_applies',
  constraint: 'standing_needs_green_check',
});
const wrongDraft = (constraint: string): AttackMaker =>
  byTrigger({ table: 'journal_line', trigger: 'journal_line_guard', constraint });
const lineOf = (account: string, amount: string, asset = usdcCode): string =>
  `${account}, ${asset}, 'settled'::ledger.layer, ${amount}`;
const drafted = (first: string, second: string): string =>
  `WITH j AS (INSERT INTO ledger.journal (book, effective_at, reason, author)
     VALUES ('F', '${inOpen}', 'a reason', 'ada') RETURNING id)
   INSERT INTO ledger.journal_line (journal_id, line, account, asset, layer, amount)
   SELECT id, 1, ${first} FROM j UNION ALL SELECT id, 2, ${second} FROM j`;
const noJournal =
  (constraint: string): AttackMaker =>
  (name, ...statements) => ({
    name,
    statements,
    refusal: { code: '23514', constraint },
    removal:
      'DROP TRIGGER transaction_2_journal ON ledger.transaction; DROP TRIGGER entry_5_journal ON ledger.entry',
  });
export const approved = (id: string, asController = false): string =>
  decision(id, 'approved', { actor: 'ben', asController });
const more = (id: string): string =>
  `INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
   SELECT t.id, v.line, v.account, ${usdc}, 'settled', v.amount
     FROM ledger.transaction t, (VALUES (8, ${payer}, -7), (9, ${transit}, 7)) AS v (line, account, amount)
    WHERE t.source_event_id = '${id}'`;

export const attacks: readonly Attack[] = [
  lateEvent('an event in a period that is closed for ever', posting({ at: inHard })),
  lateEvent('an event in a soft-closed period', posting({ at: inSoft })),
  late(
    'a journal in a soft-closed period that is not the controller’s',
    approved(ids.softDraft),
    journal(ids.softDraft, inSoft),
  ),
  late(
    'a journal of the controller in a period closed for ever',
    approved(ids.hardDraft, true),
    journal(ids.hardDraft, inHard),
  ),
  late('a close in a closed period', posting({ source: 'close', at: inSoft, payment: 'NULL' })),
  wrongStep('period_step_follows')('a close of an open period', close({ period: ids.open })),
  wrongStep('period_step_follows')('a reopening of a period closed for ever', step(ids.hard, 'reopen')),
  wrongStep('period_step_follows')('a soft close of what is closed', step(ids.soft, 'soft')),
  wrongStep('period_step_is_over')('a close of a period that is not over', step(ids.open, 'soft')),
  wrongStep('period_step_in_order')(
    'a close for ever before the period before it',
    `INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('G', NULL, '2026-11-01Z', 'cleo')`,
    `INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('G', '2026-11-01Z', '2026-11-02Z', 'cleo')`,
    step(`(SELECT max(id) FROM ledger.period)`, 'soft'),
  ),
  wrongStep('period_step_green_check')(
    'a close without a check since the soft close',
    close({ check: `'${ids.staleCheck}'` }),
  ),
  wrongStep('period_step_green_check')(
    'a close with a check of a part',
    close({ check: `'${ids.sliceCheck}'` }),
  ),
  wrongStep('period_step_green_check')(
    'a close with a check that found something',
    close({ check: `'${ids.driftCheck}'` }),
  ),
  wrongStep('period_step_root')(
    'a close with a root that never was',
    close({ sealed: `decode(repeat('cd', 32), 'hex')` }),
  ),
  wrongStep('period_step_root')('a close with a root of another size', close({ size: '0' })),
  wrongStep('period_step_standing')('a close while the books are read-only', suspend, close({})),
  byCheck('period_step', 'period_step_checklist')(
    'a close with an item that fails',
    close({ checklist: '[{"name":"a","outcome":"fail"}]' }),
  ),
  byCheck('period_step', 'period_step_checklist')(
    'a close with an item without an outcome',
    close({ checklist: '[{"name":"a"}]' }),
  ),
  byCheck('period_step', 'period_step_checklist')(
    'a close with nothing looked at',
    close({ checklist: '[]' }),
  ),
  byCheck('period_step', 'period_step_explained')(
    'a close with something unexplained',
    close({ checklist: '[{"name":"a","outcome":"explain"}]' }),
  ),
  byCheck('period_step', 'period_step_explained')(
    'a close with nothing said to it',
    close({ checklist: '[{"name":"a","outcome":"explain"}]', explanations: '{"a":""}' }),
  ),
  byCheck('period_step', 'period_step_explained')(
    'a close with something explained by nothing',
    close({ checklist: '[{"name":"a","outcome":"explain"}]', explanations: '{"a":null}' }),
  ),
  byCheck('period_step', 'period_step_explained')(
    'a close with something explained by blanks',
    close({ checklist: '[{"name":"a","outcome":"explain"}]', explanations: '{"a":" \\n"}' }),
  ),
  byCheck('period_step', 'period_step_checklist')(
    'a close with something to explain that has no name',
    close({ checklist: '[{"outcome":"explain"}]' }),
  ),
  {
    ...wrongStep('')('a close without a record', step(ids.soft, 'hard')),
    refusal: { code: '23514', constraint: 'period_step_green_check' },
    removal:
      'DROP TRIGGER period_step_applies ON ledger.period_step; ALTER TABLE ledger.period_step DROP CONSTRAINT period_step_record',
  },
  byCheck('period_step', 'period_step_record')(
    'a reopening with a closing record',
    `INSERT INTO ledger.period_step (period_id, step, actor, reason, seal_size) VALUES (${ids.soft}, 'reopen', 'cleo', 'a reason', 1)`,
  ),
  byTrigger({ table: 'period', trigger: 'period_follows', constraint: 'period_follows' })(
    'a period that leaves a gap',
    `INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('F', '2999-01-02Z', '2999-02-01Z', 'cleo')`,
  ),
  byTrigger({ table: 'period', trigger: 'period_follows', constraint: 'period_follows' })(
    'a period over another one',
    `INSERT INTO ledger.period (book, starts_at, ends_at, actor) VALUES ('F', '2026-10-01Z', '2026-10-02Z', 'cleo')`,
  ),
  readOnly('a posting while the books are read-only', suspend, posting({})),
  notResumed('opening the books without a check', suspend, resume('NULL')),
  notResumed('opening the books with a check from before', suspend, resume(`'${ids.greenCheck}'`)),
  byTrigger({
    table: 'standing_change',
    trigger: 'standing_change_applies',
    constraint: 'standing_open_already',
  })('opening what is open', resume(`'${ids.greenCheck}'`)),
  byCheck('check_result', 'check_result_green_without_drift')(
    'a green check that found something',
    `INSERT INTO ledger.check_run (scope, actor) VALUES ('full', 'ada')`,
    `INSERT INTO ledger.check_result (check_id, outcome, looked_at, drift, overdue)
     SELECT id, 'green', '{}', '[{}]', '[]' FROM ledger.check_run ORDER BY began_at DESC LIMIT 1`,
  ),
  {
    ...closedEyes('an approval of a draft of one’s own', decision(ids.draft, 'approved', { actor: 'ada' })),
    // An approval that posts nothing is refused by another guard.
    removal: ['journal_decision_other_eyes', 'journal_decision_posts']
      .map((trigger) => `DROP TRIGGER ${trigger} ON ledger.journal_decision`)
      .join('; '),
  },
  closedEyes('a rejection of a draft of one’s own', decision(ids.draft, 'rejected', { actor: 'ada' })),
  closedEyes('a withdrawal of somebody else’s draft', decision(ids.draft, 'withdrawn', { actor: 'ben' })),
  byKey('journal_decision_pkey', 'journal_decision')(
    'a second decision',
    decision(ids.draft, 'withdrawn', { actor: 'ada' }),
    decision(ids.draft, 'rejected', { actor: 'ben' }),
  ),
  byTrigger({
    table: 'journal_decision',
    trigger: 'journal_decision_posts',
    constraint: 'journal_decision_posts',
  })('an approval that posts nothing', approved(ids.draft)),
  noJournal('transaction_journal_approved')(
    'a journal that nobody drafted',
    posting({ source: 'journal', payment: 'NULL' }),
  ),
  noJournal('transaction_journal_approved')('a journal that nobody approved', journal(ids.draft, inOpen)),
  noJournal('transaction_journal_approved')(
    'a journal that was rejected',
    decision(ids.draft, 'rejected', { actor: 'ben' }),
    journal(ids.draft, inOpen),
  ),
  noJournal('transaction_journal_approved')(
    'a journal with another date than it was approved with',
    approved(ids.draft),
    journal(ids.draft, '2026-11-21T00:00:00Z'),
  ),
  noJournal('transaction_journal_as_drafted')(
    'a journal with another amount than it was approved with',
    approved(ids.draft),
    journal(ids.draft, inOpen, [
      [payer, '-6'],
      [transit, '6'],
    ]),
  ),
  noJournal('transaction_journal_as_drafted')(
    'a journal the other way round',
    approved(ids.draft),
    journal(ids.draft, inOpen, [
      [payer, '5'],
      [transit, '-5'],
    ]),
  ),
  noJournal('transaction_journal_as_drafted')(
    'a journal with more lines than it was approved with',
    approved(ids.draft),
    journal(ids.draft, inOpen, [
      [payer, '-5'],
      [transit, '5'],
      [payer, '-5'],
      [transit, '5'],
    ]),
  ),
  noJournal('transaction_journal_as_drafted')(
    'lines that come behind those that were approved',
    approved(ids.draft),
    journal(ids.draft, inOpen),
    more(ids.draft),
  ),
  wrongDraft('journal_line_balanced')(
    'a draft out of balance',
    drafted(lineOf(codeOf('F:payer:%'), '-5'), lineOf(codeOf('F:transit:%'), '6')),
  ),
  wrongDraft('journal_line_book')(
    'a draft with accounts of the other book',
    drafted(lineOf(codeOf('G:wallet:%'), '-5'), lineOf(codeOf('G:transit:%'), '5')),
  ),
  wrongDraft('journal_line_asset')(
    'a draft with an asset that the books do not know',
    drafted(
      lineOf(codeOf('F:payer:%'), '-5', `'eip155:1/slip44:60'`),
      lineOf(codeOf('F:transit:%'), '5', `'eip155:1/slip44:60'`),
    ),
  ),
  wrongDraft('journal_line_sealed')(
    'lines added to a draft of the past',
    `INSERT INTO ledger.journal_line (journal_id, line, account, asset, layer, amount) VALUES
       ('${ids.draft}', 3, ${codeOf('F:payer:%')}, ${usdcCode}, 'inflight', -9),
       ('${ids.draft}', 4, ${codeOf('F:transit:%')}, ${usdcCode}, 'inflight', 9)`,
  ),
  byCheck('journal_line', 'journal_line_account_in_chart')(
    'a draft with an account outside the chart',
    drafted(lineOf(`'F:pocket:eip155:1'`, '-5'), lineOf(codeOf('F:transit:%'), '5')),
  ),
  byCheck('journal_line', 'journal_line_amount_not_zero')(
    'a draft that moves nothing',
    drafted(lineOf(codeOf('F:payer:%'), '0'), lineOf(codeOf('F:transit:%'), '0')),
  ),
  byCheck('journal', 'journal_not_ahead')(
    'a draft that is ahead of its time',
    `INSERT INTO ledger.journal (book, effective_at, reason, author) VALUES ('F', '2999-01-01Z', 'a reason', 'ada')`,
  ),
  byKey('write_pkey', 'write')(
    'a second answer to one write',
    ...Array.from(
      { length: 2 },
      () => `INSERT INTO ledger.write (actor, key, operation, request_hash, status, reply)
             VALUES ('ada', 'k', 'POST /', ${root}, 200, '{}')`,
    ),
  ),
];
