import { z } from 'zod';

import type { Operation } from '../http/operation.js';
import {
  checkpointPage,
  checkpointSchema,
  checkpointsQuery,
  consistencyQuery,
  consistencySchema,
  inclusionSchema,
  keysSchema,
  transactionProofPath,
  transactionProofQuery,
} from './proof.schema.js';

/** Proofs that nothing was changed, for the API's document. */
export const proofOperations: readonly Operation[] = [
  {
    id: 'getTransactionProof',
    path: '/proofs/transactions/{id}',
    summary:
      'Proof that a transaction is in the books as it was sealed and signed. The ids of a payment’s transactions are in /payments/{id} and /transactions?chain_transaction=.',
    pathParameters: transactionProofPath,
    query: transactionProofQuery,
    answer: inclusionSchema,
    refusals: [400, 404, 409, 503],
  },
  {
    id: 'getConsistencyProof',
    path: '/proofs/consistency',
    summary: 'Proof that later books begin with the earlier ones: nothing was changed or taken out.',
    query: consistencyQuery,
    answer: consistencySchema,
    refusals: [400, 503],
  },
  {
    id: 'listCheckpoints',
    path: '/proofs/checkpoints',
    summary: 'Everything that was signed, by size.',
    query: checkpointsQuery,
    answer: checkpointPage,
    refusals: [400, 503],
  },
  {
    id: 'getLatestCheckpoint',
    path: '/proofs/checkpoints/latest',
    summary: 'What was signed last.',
    answer: checkpointSchema,
    refusals: [404, 503],
  },
  {
    id: 'exportCheckpoints',
    path: '/proofs/checkpoints.jsonl',
    summary: 'Everything that was signed, as JSON Lines for the offline verifier (infra/verifier).',
    answer: z.string(),
    mediaType: 'application/x-ndjson',
    refusals: [503],
  },
  {
    id: 'exportSeals',
    path: '/proofs/seals.jsonl',
    summary: 'Every seal: how large the tree was, its root, and when. JSON Lines for the offline verifier.',
    answer: z.string(),
    mediaType: 'application/x-ndjson',
    refusals: [503],
  },
  {
    id: 'listCheckpointKeys',
    path: '/proofs/keys',
    summary: 'The keys that checkpoints were signed with, the latest first.',
    answer: keysSchema,
    refusals: [503],
  },
];
