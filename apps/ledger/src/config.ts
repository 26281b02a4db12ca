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
} from '@quittance/observability';
import { z } from 'zod';

import { type AssetDescription, assetDescriptionsSchema } from './asset/asset-directory.js';

const schema = z.object({
  ...serviceSettings({ role: 'quittance_ledger', port: 4022, listensFor: 'the API and health checks' }),
  ...messagingSettings,
  NETWORKS: assetDescriptionsSchema
    .optional()
    .describe(
      'The chains and their assets, as JSON, as the other services have it; tells symbols and scales. May be left out.',
    ),
});

/** Every setting of the ledger, for the documentation. */
export const settings = describeSettings(schema);

export type Config = ServiceConfig & {
  readonly transport: TransportChoice;
  readonly assets: readonly AssetDescription[];
};

/**
 * Reads the settings once.
 *
 * @throws ConfigError naming each wrong setting and what to set.
 */
export function parseConfig(env: Environment): Config {
  const set = readSettings({ service: 'ledger', schema, env, checks: [brokersProblem] });
  return Object.freeze({
    ...serviceConfig(set),
    transport: transportChoice(set),
    assets: set.NETWORKS ?? [],
  });
}
