import { z } from 'zod';

import { classField } from '../account/account.schema.js';
import { assetSchema } from '../asset/asset-directory.js';
import { amountField } from '../http/field.js';
import { limitParameter } from '../http/page.js';
import { dayParameter, momentFields, momentParameters } from '../moment/moment.schema.js';
import { momentCursor, momentPageSchema } from '../moment/moment-page.js';

export const rangeQuery = z.strictObject({
  from: dayParameter.describe('First day (UTC).'),
  to: dayParameter.describe('Last day (UTC), all of it.'),
  ...momentParameters,
});
export const momentQuery = z.strictObject(momentParameters);

export const ageingQuery = z.strictObject({
  side: z.enum(['payable', 'receivable'], 'must be payable or receivable'),
  ...momentParameters,
  cursor: momentCursor,
  limit: limitParameter.describe('Accounts on a page, 1 to 1000; 100 unless told.'),
});

const rangeFields = { ...momentFields, from: z.iso.date(), to: z.iso.date() };
const countField = z.int();

const resultSchema = z
  .strictObject({
    asset: assetSchema,
    revenue: amountField.describe('What was earned, less what was given back.'),
    expense: amountField,
    result: amountField.describe('Revenue less expense: a loss when negative.'),
    accounts: z
      .array(
        z
          .strictObject({
            account: z.string(),
            class: classField,
            amount: amountField.describe(
              'Revenue and expense both without sign, negative where they shrank.',
            ),
          })
          .meta({ id: 'ResultAccount' }),
      )
      .describe('Accounts on which something was posted within.'),
  })
  .meta({ id: 'AssetResult' });

export const profitAndLossSchema = z
  .strictObject({ ...rangeFields, assets: z.array(resultSchema) })
  .meta({ id: 'ProfitAndLoss' });

export const balanceSheetSchema = z
  .strictObject({
    ...momentFields,
    assets: z.array(
      z
        .strictObject({
          asset: assetSchema,
          owned: amountField.describe('Assets, of the class of that name.'),
          owed: amountField.describe('Liabilities.'),
          equity: amountField.describe('What was put in.'),
          result: amountField.describe('What was earned and not spent since the books began.'),
          difference: amountField.describe('Owned, less owed, equity and result: 0.'),
          groups: z.array(
            z
              .strictObject({
                class: classField,
                prefix: z.string().describe('How the codes of its accounts begin.'),
                balance: amountField.describe(
                  'On its own side: liabilities and equity are positive where they are credits.',
                ),
              })
              .meta({ id: 'BalanceSheetGroup' }),
          ),
        })
        .meta({ id: 'AssetSheet' }),
    ),
  })
  .meta({ id: 'BalanceSheet' });

export const feeReportSchema = z
  .strictObject({
    ...rangeFields,
    items: z.array(
      z
        .strictObject({
          merchant: z.string().describe('Its name, or its address where it has none.'),
          scheme: z.string(),
          asset: assetSchema,
          fees: countField.describe('How many fees were charged.'),
          charged: amountField,
          refunded: amountField.describe('Given back, or taken back by a reorganisation.'),
          net: amountField,
        })
        .meta({ id: 'FeeReportItem' }),
    ),
    totals: z.array(
      z
        .strictObject({ asset: assetSchema, charged: amountField, refunded: amountField, net: amountField })
        .meta({ id: 'FeeReportTotal' }),
    ),
  })
  .meta({ id: 'FeeReport' });

export const gasReportSchema = z
  .strictObject({
    ...rangeFields,
    chains: z.array(
      z
        .strictObject({
          chainId: z.string(),
          asset: assetSchema.describe('What gas is paid in.'),
          outcomes: z.array(
            z
              .strictObject({
                outcome: z.string().describe('What came of it: `ok`, `reverted`, `missed`, `filler`, …'),
                parts: countField.describe('Payments or transactions that it was spent on.'),
                amount: amountField,
              })
              .meta({ id: 'GasOutcome' }),
          ),
          total: amountField,
          waste: amountField.describe(
            'Of the total, what settled nothing: everything that is neither `ok` nor given to payers.',
          ),
          payments: countField.describe(
            'Payments settled within, less those that a reorganisation took back.',
          ),
          costPerPayment: amountField
            .nullable()
            .describe(
              'The total by settled payment, rounded up to a whole unit; null where none was settled.',
            ),
        })
        .meta({ id: 'ChainGas' }),
    ),
  })
  .meta({ id: 'GasReport' });

export const ageingSchema = z
  .strictObject({
    account: z.string(),
    asset: assetSchema,
    outstanding: amountField.describe('Negative where more was paid than owed.'),
    upToHour: amountField,
    upToDay: amountField,
    upToWeek: amountField,
    older: amountField,
  })
  .meta({ id: 'Ageing' });
export const ageingPage = momentPageSchema(ageingSchema);

export type RangeQuery = z.output<typeof rangeQuery>;
export type AgeingQuery = z.output<typeof ageingQuery>;
export type ProfitAndLoss = z.output<typeof profitAndLossSchema>;
export type BalanceSheet = z.output<typeof balanceSheetSchema>;
export type FeeReport = z.output<typeof feeReportSchema>;
export type GasReport = z.output<typeof gasReportSchema>;
export type Ageing = z.output<typeof ageingSchema>;
