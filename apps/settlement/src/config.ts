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

const relayersMax = 100;
const keyProblem = 'must be 0x and 64 hexadecimal digits, or several of these with commas between them';

const relayersSetting = textSetting(/^0x[0-9a-fA-F]{64}(?:\s*,\s*0x[0-9a-fA-F]{64})*$/, keyProblem).transform(
  (text, context): readonly Relayer[] => {
    const keys = text.split(',').map((key) => key.trim().toLowerCase() as `0x${string}`);
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (keys.length > relayersMax) return refuse(`must name at most ${relayersMax} keys`);
    if (new Set(keys).size < keys.length) return refuse('names a key twice');
    try {
      return keys.map((key) => Relayer.fromKey(key));
    } catch {
      // Zero and numbers past the curve's order have the form of a key and are none. The library's error might quote it.
      return refuse('must be keys of secp256k1, between 1 and the order of the curve');
    }
  },
);

const schema = z.object({
  ...serviceSettings({ role: 'quittance_settlement', port: 4021, listensFor: 'health checks' }),
  ...messagingSettings,
  NETWORKS: networksSchema.describe('The chains to settle on, as JSON.'),
  RELAYER_PRIVATE_KEYS: relayersSetting.describe(
    'Keys of the accounts that pay gas, with commas between them; each is used on the chains of NETWORKS that list its account. Never logged.',
  ),
});

/** Every setting of the settlement service, for the documentation. */
export const settings = describeSettings(schema);

export type Config = ServiceConfig & {
  readonly transport: TransportChoice;
  readonly networks: readonly EvmNetwork[];
  readonly relayers: readonly Relayer[];
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
    relayers: set.RELAYER_PRIVATE_KEYS,
  });
}

function relayerProblem(set: z.output<typeof schema>): string | undefined {
  const accounts = set.RELAYER_PRIVATE_KEYS.map(({ address }) => address);
  const without = set.NETWORKS.filter(
    ({ relayers }) => !relayers.some((listed) => accounts.includes(listed)),
  );
  if (without.length === 0) return undefined;
  const chains = without.map(({ chainId }) => chainId).join(', ');
  return accounts.length === 1
    ? `NETWORKS: the account of RELAYER_PRIVATE_KEYS is ${accounts[0]}; add it to "relayers" of ${chains}, or set the key of an account listed there`
    : `NETWORKS: none of the accounts of RELAYER_PRIVATE_KEYS is in "relayers" of ${chains}; add one of ${accounts.slice(0, accountsNamedMax).join(', ')} there, or set the key of an account listed there`;
}

const accountsNamedMax = 5;
