import { parseChainId } from '@quittance/money';
import type { Address } from 'viem';
import { z } from 'zod';

const networksMax = 50;
const assetsMax = 100;
const relayersMax = 100;
const decimalsMax = 77;
const textLengthMax = 256;
const confirmationsMax = 10_000;
const confirmationsDefault = 1;
const pollIntervalMinMs = 50;
const pollIntervalMaxMs = 600_000;
const pollIntervalDefaultMs = 1_000;

const addressProblem = 'must be an EVM address, 0x and 40 hex digits';
const textProblem = `must be a text of 1 to ${textLengthMax} characters`;

const addressField = z
  .string({ error: addressProblem })
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: addressProblem })
  .transform((text) => text.toLowerCase() as Address);

const textField = z
  .string({ error: textProblem })
  .min(1, { error: textProblem })
  .max(textLengthMax, { error: textProblem });

const wholeNumber = (min: number, max: number) => {
  const problem = `must be a whole number from ${min} to ${max}`;
  return z.int({ error: problem }).min(min, { error: problem }).max(max, { error: problem });
};

const chainIdProblem = 'must be an EVM chain by CAIP-2, like "eip155:84532"';
const chainIdField = z
  .string({ error: chainIdProblem })
  .refine((text) => Number.isSafeInteger(Number(/^eip155:([1-9]\d*)$/.exec(text)?.[1])), {
    error: chainIdProblem,
  })
  .transform((text) => parseChainId(text));

const urlProblem = 'must be an http or https URL, without user and password in it';
const rpcUrlField = z.string({ error: urlProblem }).refine(isHttpUrl, { error: urlProblem });

const assetSchema = z.strictObject(
  {
    address: addressField.describe('The token’s contract.'),
    symbol: textField.describe('What people call it; for display.'),
    decimals: wholeNumber(0, decimalsMax).describe('Its scale; for display.'),
    name: textField.describe('`name` of the token’s EIP-712 domain.'),
    version: textField.describe('`version` of the token’s EIP-712 domain.'),
  },
  { error: describeObject('address, symbol, decimals, name and version') },
);

const networkSchema = z.strictObject(
  {
    chainId: chainIdField.describe('The chain by CAIP-2: `eip155:8453`.'),
    rpcUrl: rpcUrlField.describe('Its JSON-RPC endpoint, http or https.'),
    assets: z
      .array(assetSchema, { error: 'must be a list of assets' })
      .min(1, { error: 'must name at least one asset' })
      .max(assetsMax, { error: `must name at most ${assetsMax} assets` })
      .superRefine(refuseDuplicates('address', ({ address }) => address))
      .describe('Tokens that are accepted, and no others.'),
    relayers: z
      .array(addressField, { error: 'must be a list of addresses' })
      .min(1, { error: 'must name at least one account that pays gas' })
      .max(relayersMax, { error: `must name at most ${relayersMax} accounts` })
      .superRefine(refuseDuplicates(undefined, (address) => address))
      .describe('Accounts that pay gas there; the one of RELAYER_PRIVATE_KEY among them.'),
    confirmations: wholeNumber(1, confirmationsMax)
      .default(confirmationsDefault)
      .describe('Blocks, its own counted, until a payment is confirmed.'),
    pollIntervalMs: wholeNumber(pollIntervalMinMs, pollIntervalMaxMs)
      .default(pollIntervalDefaultMs)
      .describe('How often the node is asked for a new block, in milliseconds.'),
  },
  {
    error: describeObject(
      'chainId, rpcUrl, assets, relayers, and optionally confirmations and pollIntervalMs',
    ),
  },
);

/**
 * The setting NETWORKS: JSON text of a list of 1 to 50 EVM chains to settle on. Unknown fields, chains named twice and
 * assets named twice are refused. Addresses come out in lower case.
 */
export const networksSchema = z
  .string({ error: 'must be JSON text, a list of networks' })
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      // The parser's own message quotes the text, in which a URL may hold a key.
      context.addIssue({ code: 'custom', message: 'must be JSON text, a list of networks' });
      return z.NEVER;
    }
  })
  .pipe(
    z
      .array(networkSchema, { error: 'must be a list of networks' })
      .min(1, { error: 'must name at least one network' })
      .max(networksMax, { error: `must name at most ${networksMax} networks` })
      .superRefine(refuseDuplicates('chainId', ({ chainId }) => chainId)),
  );

/** A chain to settle on: where its node is, what may be paid with, who pays gas, how deep is confirmed. */
export type EvmNetwork = Readonly<z.output<typeof networkSchema>>;
export type EvmAsset = Readonly<z.output<typeof assetSchema>>;

/** Name, default and meaning of each field of NETWORKS, for the documentation. */
export const networkSettings = [
  ...fieldsOf('NETWORKS[].', networkSchema.shape),
  ...fieldsOf('NETWORKS[].assets[].', assetSchema.shape),
];

function fieldsOf(prefix: string, shape: Readonly<Record<string, z.ZodType>>) {
  return Object.entries(shape).map(([name, schema]) => {
    const unset = schema.safeParse(undefined);
    const fallback = unset.success ? { default: String(unset.data) } : {};
    return { name: `${prefix}${name}`, ...fallback, description: schema.description ?? '' };
  });
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  // fetch refuses such a URL, and quotes it where it does.
  return url.username === '' && url.password === '';
}

function describeObject(fields: string) {
  return (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys'
      ? `has fields that are not known: ${(issue.keys ?? []).map((key) => JSON.stringify(key.slice(0, 64))).join(', ')}`
      : `must be an object of ${fields}`;
}

function refuseDuplicates<Item>(field: string | undefined, keyOf: (item: Item) => string) {
  return (
    items: readonly Item[],
    context: { addIssue: (issue: { code: 'custom'; path: PropertyKey[]; message: string }) => void },
  ) => {
    const seen = new Set<string>();
    items.forEach((item, index) => {
      const key = keyOf(item);
      if (seen.has(key)) {
        const path = field === undefined ? [index] : [index, field];
        context.addIssue({ code: 'custom', path, message: `${key} is named twice` });
      }
      seen.add(key);
    });
  };
}
