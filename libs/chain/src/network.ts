import { parseChainId } from '@quittance/money';
import { lengthMax, lengthMin } from '@quittance/protocol';
import type { Address } from 'viem';
import { z } from 'zod';

const networksMax = 50;
const assetsMax = 100;
const relayersMax = 100;
const factoriesMax = 100;
const decimalsMax = 77;
const textLengthMax = 256;
const confirmationsMax = 10_000;
const confirmationsDefault = 1;
const pollIntervalMinMs = 50;
const pollIntervalMaxMs = 600_000;
const pollIntervalDefaultMs = 1_000;
const rpcUrlsMax = 10;
const replaceAfterBlocksMax = 1_000;
const replaceAfterBlocksDefault = 3;
const finalityBlocksMax = 100_000;
const gasPriceMaxDefaultWei = 500_000_000_000n;
const relayerBalanceMinDefaultWei = 1_000_000_000_000_000n;
const approvalGasMaxDefaultWei = 1_000_000_000_000_000n;
/** The settlement service's database lets nobody give more. */
const approvalGasMostWei = 100_000_000_000_000_000n;
const weiMax = 10n ** 27n;

const addressProblem = 'must be an EVM address, 0x and 40 hex digits';
const textProblem = `must be a text of 1 to ${textLengthMax} characters`;

const addressField = z
  .string({ error: addressProblem })
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: addressProblem })
  .transform((text) => text.toLowerCase() as Address);

const textField = z
  .string({ error: textProblem })
  .check(lengthMin(1, textProblem))
  .check(lengthMax(textLengthMax, textProblem));

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

const urlField = (schemes: readonly [string, string]) => {
  const problem = `must be ${schemes[0] === 'http' ? 'an' : 'a'} ${schemes.join(' or ')} URL, without user and password in it`;
  return z.string({ error: problem }).refine((text) => isUrlOf(schemes, text), { error: problem });
};

const weiField = (min: bigint, max = weiMax) => {
  const problem = `must be wei, as text of decimal digits, from ${min} to ${max}`;
  return z
    .string({ error: problem })
    .regex(/^(0|[1-9]\d{0,27})$/, { error: problem })
    .transform(BigInt)
    .refine((value) => value >= min && value <= max, { error: problem });
};

const finalityProblem = `must be "finalized", "safe" or a whole number of blocks from 0 to ${finalityBlocksMax}`;

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
    rpcUrls: z
      .array(urlField(['http', 'https']), { error: 'must be a list of http or https URLs' })
      .check(lengthMin(1, 'must name at least one URL'))
      .check(lengthMax(rpcUrlsMax, `must name at most ${rpcUrlsMax} URLs`))
      // The URL may hold a key: a message says which one, and never what it is.
      .superRefine(
        refuseDuplicates({ keyOf: (url) => URL.parse(url)?.href ?? url, nameOf: () => 'this URL' }),
      )
      .describe(
        'Its JSON-RPC endpoints, http or https, 1 to 10: the best is read from, transactions go to all.',
      ),
    wsUrl: urlField(['ws', 'wss'])
      .optional()
      .describe('Where new blocks are announced, ws or wss; without it the endpoints are asked for them.'),
    assets: z
      .array(assetSchema, { error: 'must be a list of assets' })
      .check(lengthMin(1, 'must name at least one asset'))
      .check(lengthMax(assetsMax, `must name at most ${assetsMax} assets`))
      .superRefine(refuseDuplicates({ field: 'address', keyOf: ({ address }) => address }))
      .describe('Tokens that are accepted, and no others.'),
    relayers: z
      .array(addressField, { error: 'must be a list of addresses' })
      .check(lengthMin(1, 'must name at least one account that pays gas'))
      .check(lengthMax(relayersMax, `must name at most ${relayersMax} accounts`))
      .superRefine(refuseDuplicates({ keyOf: (address) => address }))
      .describe('Accounts that pay gas there; those of RELAYER_PRIVATE_KEYS among them.'),
    factories: z
      .array(addressField, { error: 'must be a list of addresses' })
      .check(lengthMax(factoriesMax, `must name at most ${factoriesMax} contracts`))
      .superRefine(refuseDuplicates({ keyOf: (address) => address }))
      .default([])
      .describe(
        'Contracts that may be called to deploy the wallet of a payer with its payment (ERC-6492); none unless named.',
      ),
    confirmations: wholeNumber(1, confirmationsMax)
      .default(confirmationsDefault)
      .describe('Blocks, its own counted, until a payment is confirmed.'),
    pollIntervalMs: wholeNumber(pollIntervalMinMs, pollIntervalMaxMs)
      .default(pollIntervalDefaultMs)
      .describe('How often the node is asked for a new block, in milliseconds.'),
    gasPriceMaxWei: weiField(1n)
      .default(gasPriceMaxDefaultWei)
      .describe('Most that is ever offered for a unit of gas, in wei, as text; above it settling waits.'),
    replaceAfterBlocks: wholeNumber(1, replaceAfterBlocksMax)
      .default(replaceAfterBlocksDefault)
      .describe('Blocks after which a transaction that is in none is replaced by one that pays more.'),
    finality: z
      .union([z.literal(['finalized', 'safe']), wholeNumber(0, finalityBlocksMax)], {
        error: finalityProblem,
      })
      .default('finalized')
      .describe(
        'What is final: the chain’s own word, `finalized` or `safe`, or a number of blocks below the latest.',
      ),
    relayerBalanceMinWei: weiField(0n)
      .default(relayerBalanceMinDefaultWei)
      .describe('What an account that pays gas must hold to be used, in wei, as text.'),
    approvalGasMaxWei: weiField(0n, approvalGasMostWei)
      .default(approvalGasMaxDefaultWei)
      .describe('Most that a payer is given for the gas of an approval, in wei, as text; 0: nothing.'),
  },
  {
    error: describeObject(
      'chainId, rpcUrls, assets, relayers, and optionally the other settings of a network',
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
      .check(lengthMin(1, 'must name at least one network'))
      .check(lengthMax(networksMax, `must name at most ${networksMax} networks`))
      .superRefine(refuseDuplicates({ field: 'chainId', keyOf: ({ chainId }) => chainId })),
  );

/** A chain to settle on: where its nodes are, what may be paid with, who pays gas and how much, how deep is confirmed. */
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
    // A default of nothing means that it may be left out.
    const fallback = unset.success ? { default: String(unset.data ?? '') } : {};
    return { name: `${prefix}${name}`, ...fallback, description: schema.description ?? '' };
  });
}

function isUrlOf(schemes: readonly string[], text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !schemes.includes(url.protocol.slice(0, -1))) return false;
  // They would not be sent: what opens a node's door is in the path or the query.
  return url.username === '' && url.password === '';
}

function describeObject(fields: string) {
  return (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys'
      ? `has fields that are not known: ${(issue.keys ?? []).map((key) => JSON.stringify(key.slice(0, 64))).join(', ')}`
      : `must be an object of ${fields}`;
}

function refuseDuplicates<Item>({
  field,
  keyOf,
  nameOf = keyOf,
}: {
  readonly field?: string;
  readonly keyOf: (item: Item) => string;
  readonly nameOf?: (item: Item) => string;
}) {
  return (
    items: readonly Item[],
    context: { addIssue: (issue: { code: 'custom'; path: PropertyKey[]; message: string }) => void },
  ) => {
    const seen = new Set<string>();
    items.forEach((item, index) => {
      const key = keyOf(item);
      if (seen.has(key)) {
        const path = field === undefined ? [index] : [index, field];
        context.addIssue({ code: 'custom', path, message: `${nameOf(item)} is named twice` });
      }
      seen.add(key);
    });
  };
}
