/**
 * The compatibility matrix: every way of paying, by every kind of payer, through every published client and server
 * that can do it. What cannot be is listed with its reason.
 */
export const payerKinds = ['eoa', 'erc1271', 'erc6492', 'eip7702'] as const;
export type PayerKind = (typeof payerKinds)[number];

export const clients = ['@x402/fetch', '@x402/axios', 'x402-fetch', 'x402-axios', 'mppx'] as const;
export type ClientName = (typeof clients)[number];

export const servers = ['@x402/express', '@x402/hono', 'x402-express', 'x402-hono', 'mppx'] as const;
export type ServerName = (typeof servers)[number];

export type Protocol = 'v1' | 'v2' | 'MPP';

/** How Permit2 comes to its allowance. */
export type Approval = 'before' | 'eip2612' | 'erc20';

export type Method = {
  readonly id: string;
  readonly protocol: Protocol;
  readonly title: string;
  readonly scheme: 'exact' | 'upto';
  readonly transfer: 'eip3009' | 'permit2';
  /** Null where nothing has to be approved. */
  readonly approval: Approval | null;
  readonly flow: 'authorization' | 'upfront';
  /** What is asked for, in atomic units. */
  readonly price: bigint;
  /** What is to arrive. */
  readonly settles: bigint;
};

const price = 10_000n;
const ceiling = 40_000n;

const exact = { protocol: 'v2', scheme: 'exact', flow: 'authorization', price, settles: price } as const;
const byEip3009 = { ...exact, transfer: 'eip3009', approval: null } as const;
const byPermit2 = { ...exact, transfer: 'permit2', approval: 'before' } as const;
const upto = { ...byPermit2, scheme: 'upto', price: ceiling } as const;

export const methods: readonly Method[] = [
  { ...byEip3009, id: 'v1-eip3009', protocol: 'v1', title: '`exact` by EIP-3009' },
  { ...byEip3009, id: 'eip3009', title: '`exact` by EIP-3009' },
  { ...byPermit2, id: 'permit2', title: '`exact` by Permit2, approved before' },
  { ...byPermit2, id: 'permit2-eip2612', approval: 'eip2612', title: '`exact` by Permit2, sponsored permit' },
  { ...byPermit2, id: 'permit2-erc20', approval: 'erc20', title: '`exact` by Permit2, sponsored approval' },
  { ...upto, id: 'upto', title: '`upto`, a part of the ceiling' },
  { ...upto, id: 'upto-zero', settles: 0n, title: '`upto`, nothing used' },
  { ...upto, id: 'upto-eip2612', approval: 'eip2612', title: '`upto`, sponsored permit' },
  { ...upto, id: 'upto-erc20', approval: 'erc20', title: '`upto`, sponsored approval' },
  { ...byEip3009, id: 'upfront-eip3009', flow: 'upfront', title: '`upfront` flow by EIP-3009' },
  { ...byPermit2, id: 'upfront-permit2', flow: 'upfront', title: '`upfront` flow by Permit2' },
  { ...byEip3009, id: 'mpp', protocol: 'MPP', title: '`evm.charge` by EIP-3009' },
];

export const reasons = {
  'v1-payload':
    'A payment of version 1 is an EIP-3009 authorization: `x402` 1.x parses nothing else, and its sellers verify first and settle last, always.',
  'no-transaction': 'The extension carries a transaction that the payer signed. A contract signs none.',
  'no-allowance':
    'A wallet that is not deployed has approved nothing, and a permit of an account without code is judged by ECDSA. The published facilitator takes ERC-6492 for EIP-3009 alone.',
  'mppx-ecdsa': 'The `mppx` merchant recovers the signer by ECDSA itself, before it asks any facilitator.',
} as const;
export type Reason = keyof typeof reasons;

/** Why a pair is left out of cells that others fill; no facilitator has a part in it. */
export const pairNotes = [
  '`@x402/axios` is last published as 2.11, which fills in a sponsoring extension without keeping what the server wrote there. A server of 2.27 refuses that itself (`extension_echo_mismatch`).',
  'The `mppx` client signs EIP-3009 alone, and the `mppx` merchant sells `exact` by EIP-3009 to payers that sign by ECDSA.',
] as const;

/** Ways of paying that exist for nobody, for the table. */
export const absentMethods: readonly { protocol: Protocol; title: string; why: Reason }[] = [
  { protocol: 'v1', title: '`exact` by Permit2, however approved', why: 'v1-payload' },
  { protocol: 'v1', title: '`upto`', why: 'v1-payload' },
  { protocol: 'v1', title: '`upfront` flow', why: 'v1-payload' },
];

/** Why a payer cannot pay that way; null where they can. */
export function whyNot(method: Method, payer: PayerKind): Reason | null {
  const isWallet = payer === 'erc1271' || payer === 'erc6492';
  if (method.protocol === 'MPP') return isWallet ? 'mppx-ecdsa' : null;
  if (method.transfer === 'eip3009') return null;
  if (method.approval === 'erc20' && isWallet) return 'no-transaction';
  return payer === 'erc6492' ? 'no-allowance' : null;
}

export type Pair = { readonly client: ClientName; readonly server: ServerName };

const across = (from: readonly ClientName[], at: readonly ServerName[]): Pair[] =>
  from.flatMap((client) => at.map((server) => ({ client, server })));

/** The published clients and servers that can do business with each other that way. */
export function pairsFor(method: Method, payer: PayerKind): readonly Pair[] {
  const current = ['@x402/fetch', '@x402/axios'] as const;
  if (method.protocol === 'MPP') return across(['mppx'], ['mppx']);
  if (method.protocol === 'v1')
    return across([...current, 'x402-fetch', 'x402-axios'], ['x402-express', 'x402-hono']);
  const isSponsored = method.approval === 'eip2612' || method.approval === 'erc20';
  const pairs = across(isSponsored ? ['@x402/fetch'] : current, ['@x402/express', '@x402/hono']);
  if (method.transfer === 'eip3009') pairs.push(...across(['mppx'], ['@x402/express', '@x402/hono']));
  // Besides its own protocol, the merchant of mppx takes plain x402.
  const mppxTakesIt = payer === 'eoa' || payer === 'eip7702';
  if (method.id === 'eip3009' && mppxTakesIt) pairs.push(...across(current, ['mppx']));
  return pairs;
}

export type Cell = { readonly method: Method; readonly payer: PayerKind };

/** The combinations that exist. */
export const cells: readonly Cell[] = methods.flatMap((method) =>
  payerKinds.filter((payer) => whyNot(method, payer) === null).map((payer) => ({ method, payer })),
);
