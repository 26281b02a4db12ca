import { z } from 'zod';

import {
  accountEntriesQuery,
  accountEntryPage,
  accountPage,
  accountPath,
  accountsQuery,
} from '../account/account.schema.js';
import { balancePage, balancesQuery } from '../balance/balance.schema.js';
import {
  csvExportQuery,
  journalExportQuery,
  plainTextExportQuery,
  statementExportQuery,
} from '../export/export.schema.js';
import type { Operation } from '../http/operation.js';
import { statementPath, statementQuery, statementSchema } from '../statement/statement.schema.js';
import { transactionPage, transactionsQuery } from '../transaction/transaction.schema.js';
import { trialBalanceQuery, trialBalanceSchema } from '../trial-balance/trial-balance.schema.js';
import {
  ageingPage,
  ageingQuery,
  balanceSheetSchema,
  feeReportSchema,
  gasReportSchema,
  momentQuery,
  profitAndLossSchema,
  rangeQuery,
} from './report.schema.js';

/** What a read at a moment may be refused with. */
export const readRefusals = [400, 422, 503] as const;
export const readOneRefusals = [400, 404, 422, 503] as const;

/** All that is read of the books, for the API's document. */
export const reportingOperations: readonly Operation[] = [
  {
    id: 'listAccounts',
    path: '/accounts',
    summary: 'Accounts, by code and asset.',
    query: accountsQuery,
    answer: accountPage,
    refusals: readRefusals,
  },
  {
    id: 'listAccountEntries',
    path: '/accounts/{code}/entries',
    summary: 'The lines of an account, in the order of posting.',
    pathParameters: accountPath,
    query: accountEntriesQuery,
    answer: accountEntryPage,
    refusals: readOneRefusals,
  },
  {
    id: 'getStatement',
    path: '/accounts/{code}/statement',
    summary: 'The statement of an account: opening, lines with the balance after each, closing.',
    pathParameters: statementPath,
    query: statementQuery,
    answer: statementSchema,
    refusals: readOneRefusals,
  },
  {
    id: 'listBalances',
    path: '/balances',
    summary: 'Balances, by account, asset and layer.',
    query: balancesQuery,
    answer: balancePage,
    refusals: readRefusals,
  },
  {
    id: 'listTransactions',
    path: '/transactions',
    summary: 'The journal: transactions with their lines, in the order of posting.',
    query: transactionsQuery,
    answer: transactionPage,
    refusals: readRefusals,
  },
  {
    id: 'getTrialBalance',
    path: '/trial-balance',
    summary: 'What debits and credits come to, by book, asset and layer, and by group of accounts.',
    query: trialBalanceQuery,
    answer: trialBalanceSchema,
    refusals: readRefusals,
  },
  {
    id: 'getProfitAndLoss',
    path: '/reports/profit-and-loss',
    summary: 'Revenue and expense within days, by asset and account.',
    query: rangeQuery,
    answer: profitAndLossSchema,
    refusals: readRefusals,
  },
  {
    id: 'getBalanceSheet',
    path: '/reports/balance-sheet',
    summary: 'What is owned, owed, put in and earned, by asset.',
    query: momentQuery,
    answer: balanceSheetSchema,
    refusals: readRefusals,
  },
  {
    id: 'getFeeReport',
    path: '/reports/fees',
    summary: 'Fees within days, by merchant, scheme and asset.',
    query: rangeQuery,
    answer: feeReportSchema,
    refusals: readRefusals,
  },
  {
    id: 'getGasReport',
    path: '/reports/gas',
    summary: 'Gas within days by chain and outcome, by settled payment, and what was wasted.',
    query: rangeQuery,
    answer: gasReportSchema,
    refusals: readRefusals,
  },
  {
    id: 'listAgeing',
    path: '/reports/ageing',
    summary: 'What is still owed, by how long it has been; what was paid is taken from the oldest first.',
    query: ageingQuery,
    answer: ageingPage,
    refusals: readRefusals,
  },
  {
    id: 'exportJournalCsv',
    path: '/exports/journal.csv',
    summary:
      'The journal as CSV, one row a line. Streamed; the moment is in the headers `quittance-as-of` and `quittance-as-known-at`.',
    query: csvExportQuery,
    answer: z.string(),
    mediaType: 'text/csv',
    refusals: readRefusals,
  },
  {
    id: 'exportJournalJsonLines',
    path: '/exports/journal.jsonl',
    summary:
      'The journal as JSON Lines, one transaction a line with its place and leaf in the Merkle tree; what is left out stands there by its hashes, so that the file can be verified offline.',
    query: journalExportQuery,
    answer: z.string(),
    mediaType: 'application/x-ndjson',
    refusals: readRefusals,
  },
  {
    id: 'exportBeancount',
    path: '/exports/beancount',
    summary: 'The books as Beancount, with the balance of each account asserted for each of its days.',
    query: plainTextExportQuery,
    answer: z.string(),
    mediaType: 'text/x-beancount',
    refusals: readRefusals,
  },
  {
    id: 'exportHledger',
    path: '/exports/hledger',
    summary:
      'The books as an hledger journal, with the balance of each account asserted for each of its days.',
    query: plainTextExportQuery,
    answer: z.string(),
    mediaType: 'text/x-hledger',
    refusals: readRefusals,
  },
  {
    id: 'exportStatementCsv',
    path: '/accounts/{code}/statement.csv',
    summary:
      'The statement of an account as CSV. Amounts are signed as in the books, a debit is positive, in atomic units and as decimals. A day that is not over is as of now.',
    pathParameters: statementPath,
    query: statementExportQuery,
    answer: z.string(),
    mediaType: 'text/csv',
    refusals: readOneRefusals,
  },
  {
    id: 'exportStatementCamt053',
    path: '/accounts/{code}/statement.camt053',
    summary:
      'The statement of an account as ISO 20022 camt.053.001.08, one statement a day. Amounts are atomic units, whole numbers in the currency XXX, as a bank tells them to its customer: CRDT is more on the account. A day that is not over is as of now.',
    pathParameters: statementPath,
    query: statementExportQuery,
    answer: z.string(),
    mediaType: 'application/xml',
    refusals: readOneRefusals,
  },
];
