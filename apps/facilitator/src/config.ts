import { type EvmNetwork, networksSchema } from '@quittance/chain';
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
  wholeNumberSetting,
} from '@quittance/observability';
import type { ReasonVocabulary } from '@quittance/protocol';
import { z } from 'zod';

const settleWaitMsMax = 80_000;
const queueMaxMax = 1_000_000;
const bodyLimitBytesMin = 16_384;
const bodyLimitBytesMax = 1_048_576;

const schema = z.object({
  ...serviceSettings({ role: 'quittance_facilitator', port: 4020, listensFor: 'the API and health checks' }),
  ...messagingSettings,
  NETWORKS: networksSchema.describe('The chains to settle on, their assets and relayers, as JSON.'),
  SETTLE_WAIT_MS: wholeNumberSetting(0, settleWaitMsMax)
    .default(20_000)
    .describe(
      'How long POST /settle waits for the outcome before it answers settlement_pending, in milliseconds.',
    ),
  QUEUE_MAX: wholeNumberSetting(1, queueMaxMax)
    .default(5_000)
    .describe(
      'Payments of a chain that may wait for their outcome; beyond them POST /settle answers queue_full.',
    ),
  REASON_VOCABULARY: z
    .enum(['specification', 'reference'], { error: 'must be "specification" or "reference"' })
    .default('specification')
    .describe('Whose words refusals use: the published specification’s or the reference facilitator’s.'),
  BODY_LIMIT_BYTES: wholeNumberSetting(bodyLimitBytesMin, bodyLimitBytesMax)
    .default(131_072)
    .describe('Largest request body that is read, in bytes.'),
});

/** Every setting of the facilitator, for the documentation. */
export const settings = describeSettings(schema);

export type Config = ServiceConfig & {
  readonly transport: TransportChoice;
  readonly networks: readonly EvmNetwork[];
  readonly settleWaitMs: number;
  readonly queueMax: number;
  readonly reasonVocabulary: ReasonVocabulary;
  readonly bodyLimitBytes: number;
};

/**
 * Reads the settings once.
 *
 * @throws ConfigError naming each wrong setting and what to set.
 */
export function parseConfig(env: Environment): Config {
  const set = readSettings({ service: 'facilitator', schema, env, checks: [brokersProblem] });
  return Object.freeze({
    ...serviceConfig(set),
    transport: transportChoice(set),
    networks: set.NETWORKS,
    settleWaitMs: set.SETTLE_WAIT_MS,
    queueMax: set.QUEUE_MAX,
    reasonVocabulary: set.REASON_VOCABULARY,
    bodyLimitBytes: set.BODY_LIMIT_BYTES,
  });
}
