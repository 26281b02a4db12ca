import {
  brokersProblem,
  messagingSettings,
  type TransportChoice,
  transportChoice,
} from '@quittance/messaging';
import {
  describeSettings,
  type Environment,
  readSettings,
  type ServiceConfig,
  serviceConfig,
  serviceSettings,
  textSetting,
  wholeNumberSetting,
} from '@quittance/observability';
import { z } from 'zod';

import { type AccessToken, accessTokensSchema } from './access/access-token.js';
import { type AssetDescription, assetDescriptionsSchema } from './asset/asset-directory.js';
import { noFees, type Tariff } from './merchant/tariff.js';
import { tariffSchema } from './merchant/tariff-setting.js';
import {
  networksProblem,
  reconcileModes,
  type ReconciliationSetting,
  reconciliationSetting,
  treasuriesSchema,
} from './reconciliation/reconciliation-setting.js';
import { originPattern } from './proof/checkpoint.js';
import { CheckpointSigner } from './proof/checkpoint-key.adapter.js';
import { CheckpointKeyError } from './proof/proof-error.js';

const schema = z.object({
  ...serviceSettings({ role: 'quittance_ledger', port: 4022, listensFor: 'the API and health checks' }),
  ...messagingSettings,
  NETWORKS: assetDescriptionsSchema
    .optional()
    .describe(
      'The chains and their assets, as JSON, as the other services have it; tells symbols and scales. May be left out.',
    ),
  RECONCILE: z
    .enum(reconcileModes, `must be one of ${reconcileModes.join(', ')}`)
    .default('off')
    .describe(
      'Whether the books are compared with the chains of NETWORKS, which then needs `rpcUrls` and `relayers`, too: `follow` compares what becomes final, `demand` only what is asked for.',
    ),
  TREASURIES: treasuriesSchema
    .optional()
    .describe(
      'Wallets of ours besides those that pay gas, as JSON: lists of addresses by CAIP-2 chain id. What they hold is compared with the books.',
    ),
  CHECKPOINT_KEY: z
    .string()
    .transform((text, context) => {
      try {
        // The origin is not known yet: a key that can be read once can be read again.
        CheckpointSigner.of('-', text);
        return text;
      } catch (error) {
        if (!(error instanceof CheckpointKeyError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .optional()
    .describe(
      'The Ed25519 key that checkpoints of the books are signed with: 64 hexadecimal digits, or the path of a file with them or a PEM. Without it the books are sealed and not signed.',
    ),
  CHECKPOINT_ORIGIN: textSetting(
    originPattern,
    'must be a name without blanks and plus signs, of at most 200 characters',
  )
    .default('quittance.local/ledger')
    .describe(
      'What these books are called in their checkpoints, like a URL without a scheme. One name for one database, for ever.',
    ),
  CHECKPOINT_SECONDS: wholeNumberSetting(1, 86_400)
    .default(10)
    .describe('How often what was sealed since is signed.'),
  ACCESS_TOKENS: accessTokensSchema
    .optional()
    .describe(
      'Who may ask what: a JSON list of `{"name", "sha256", "roles"}` with the SHA-256 of each token and some of viewer, analyst, operator, approver, controller, auditor. Roles of `anyone`, who has no `sha256`, hold for who sends no token. Without the setting reads are open to all and nothing can be written.',
    ),
  MERCHANT_FEES: tariffSchema
    .optional()
    .describe(
      'What merchants pay for what is settled, as JSON: a list of `{merchant, payTo, from, basisPoints, fixed}`. Without it nobody pays anything.',
    ),
});

/** Every setting of the ledger, for the documentation. */
export const settings = describeSettings(schema);

export type Config = ServiceConfig & {
  readonly transport: TransportChoice;
  readonly assets: readonly AssetDescription[];
  /** Null where reads are open to all, and writes to none. */
  readonly accessTokens: readonly AccessToken[] | null;
  /** Null where checkpoints are not signed. */
  readonly signer: CheckpointSigner | null;
  readonly checkpointSeconds: number;
  readonly tariff: Tariff;
  /** Null where no chain is compared with the books. */
  readonly reconciliation: ReconciliationSetting | null;
};

/**
 * Reads the settings once.
 *
 * @throws ConfigError naming each wrong setting and what to set.
 */
export function parseConfig(env: Environment): Config {
  const set = readSettings({
    service: 'ledger',
    schema,
    env,
    checks: [
      brokersProblem,
      ({ RECONCILE: mode }) => (mode === 'off' ? undefined : (networksProblem(env['NETWORKS']) ?? undefined)),
    ],
  });
  return Object.freeze({
    ...serviceConfig(set),
    transport: transportChoice(set),
    assets: set.NETWORKS ?? [],
    accessTokens: set.ACCESS_TOKENS ?? null,
    signer:
      set.CHECKPOINT_KEY === undefined
        ? null
        : CheckpointSigner.of(set.CHECKPOINT_ORIGIN, set.CHECKPOINT_KEY),
    checkpointSeconds: set.CHECKPOINT_SECONDS,
    tariff: set.MERCHANT_FEES ?? noFees,
    reconciliation: reconciliationSetting(set.RECONCILE, env['NETWORKS'], set.TREASURIES ?? {}),
  });
}
