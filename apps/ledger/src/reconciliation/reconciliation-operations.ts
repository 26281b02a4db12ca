import { type Operation, writeRefusals } from '../http/operation.js';
import {
  assignBody,
  breakPage,
  breakPath,
  breakSchema,
  breaksQuery,
  breakWithHistorySchema,
  decideBody,
  proposeBody,
  runBody,
  runPage,
  runPath,
  runSchema,
  runsQuery,
  standingsSchema,
} from './reconciliation.schema.js';

/** Comparing the books with the chains, for the API's document. */
export const reconciliationOperations: readonly Operation[] = [
  {
    id: 'getReconciliation',
    path: '/reconciliation',
    summary: 'How far the books were compared with each chain.',
    answer: standingsSchema,
    refusals: [503],
  },
  {
    id: 'listReconciliationRuns',
    path: '/reconciliation/runs',
    summary: 'Comparisons that were asked for, the latest first.',
    query: runsQuery,
    answer: runPage,
    refusals: [400, 503],
  },
  {
    id: 'startReconciliationRun',
    method: 'post',
    path: '/reconciliation/runs',
    summary: 'Has a range of blocks compared with the books. Needs the role operator.',
    body: runBody,
    answer: runSchema,
    answerStatus: 202,
    refusals: writeRefusals,
  },
  {
    id: 'getReconciliationRun',
    path: '/reconciliation/runs/{id}',
    summary: 'One comparison: how far it is, and what it found.',
    pathParameters: runPath,
    answer: runSchema,
    refusals: [400, 404, 503],
  },
  {
    id: 'listBreaks',
    path: '/breaks',
    summary: 'What the books and the chains do not agree on, in the order in which it was found.',
    query: breaksQuery,
    answer: breakPage,
    refusals: [400, 503],
  },
  {
    id: 'getBreak',
    path: '/breaks/{id}',
    summary: 'One break, with all that became of it.',
    pathParameters: breakPath,
    answer: breakWithHistorySchema,
    refusals: [400, 404, 503],
  },
  ...(
    [
      ['assignBreak', 'assign', assignBody, 'Says who looks after a break. Needs the role operator.'],
      [
        'proposeBreakResolution',
        'propose',
        proposeBody,
        'Proposes how a break ends. Needs the role operator.',
      ],
      [
        'approveBreakResolution',
        'approve',
        decideBody,
        'Ends a break as somebody else proposed. Needs the role approver.',
      ],
      [
        'rejectBreakResolution',
        'reject',
        decideBody,
        'Says no to what was proposed. Needs the role approver.',
      ],
    ] as const
  ).map(([id, verb, body, summary]): Operation => ({
    id,
    method: 'post',
    path: `/breaks/{id}/${verb}`,
    summary,
    pathParameters: breakPath,
    body,
    answer: breakSchema,
    refusals: [...writeRefusals, 404],
  })),
];
