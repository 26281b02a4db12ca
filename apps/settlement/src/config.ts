import { type EvmNetwork, networksSchema, Relayer } from '@quittance/chain';
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
} from '@quittance/observability';
import { z } from 'zod';

const relayerSetting = textSetting(/^0x[0-9a-fA-F]{64}$/, 'must be 0x and 64 hexadecimal digits').transform(
  (privateKey, context): Relayer => {
    try {
      return Relayer.fromKey(privateKey.toLowerCase() as `0x${string}`);
    } catch {
      // Zero and numbers past the curve's order have the form of a key and are none. The library's error might quote it.
      context.addIssue({
        code: 'custom',
        message: 'must be a key of secp256k1, between 1 and the order of the curve',
      });
      return z.NEVER;
    }
  },
);

const schema = z.object({
  ...serviceSettings({ role: 'quittance_settlement', port: 4021, listensFor: 'health checks' }),
  ...messagingSettings,
  NETWORKS: networksSchema.describe('The chains to settle on, as JSON.'),
  RELAYER_PRIVATE_KEY: relayerSetting.describe(
    'Key of the account that pays gas on every chain of NETWORKS. Never logged.',
  ),
});

/** Every setting of the settlement service, for the documentation. */
export const settings = describeSettings(schema);

export type Config = ServiceConfig & {
  readonly transport: TransportChoice;
  readonly networks: readonly EvmNetwork[];
  readonly relayer: Relayer;
};

/**
 * Reads the settings once.
 *
 * @throws ConfigError naming each wrong setting and what to set.
 */
export function parseConfig(env: Environment): Config {
  const set = readSettings({ service: 'settlement', schema, env, checks: [brokersProblem, relayerProblem] });
  return Object.freeze({
    ...serviceConfig(set),
    transport: transportChoice(set),
    networks: set.NETWORKS,
    relayer: set.RELAYER_PRIVATE_KEY,
  });
}

function relayerProblem(set: z.output<typeof schema>): string | undefined {
  const { address } = set.RELAYER_PRIVATE_KEY;
  const without = set.NETWORKS.filter(({ relayers }) => !relayers.some((listed) => listed === address));
  return without.length === 0
    ? undefined
    : `NETWORKS: the account of RELAYER_PRIVATE_KEY is ${address}; add it to "relayers" of ${without.map(({ chainId }) => chainId).join(', ')}, or set the key of an account listed there`;
}
