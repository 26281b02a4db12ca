import { networksSchema } from '@quittance/chain';
import { chainIdPattern, type ChainId } from '@quittance/money';
import { z } from 'zod';

const treasuriesProblem =
  'must be JSON: lists of addresses by CAIP-2 chain id, like {"eip155:8453": ["0x…"]}';
const walletsMax = 100;

/** Reads TREASURIES: wallets of ours besides those that pay gas, by chain. */
export const treasuriesSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: treasuriesProblem });
      return z.NEVER;
    }
  })
  .pipe(
    z.record(
      z.string().regex(chainIdPattern, treasuriesProblem),
      z
        .array(
          z
            .string(treasuriesProblem)
            .regex(/^0x[0-9a-fA-F]{40}$/, 'must be an EVM address, 0x and 40 hex digits')
            .toLowerCase(),
          treasuriesProblem,
        )
        .max(walletsMax, `must name at most ${walletsMax} wallets`),
      treasuriesProblem,
    ),
  );

export type Treasuries = Readonly<Record<string, readonly string[]>>;

export const reconcileModes = ['off', 'demand', 'follow'] as const;

export type ReconciliationSetting = {
  readonly mode: 'demand' | 'follow';
  readonly networks: z.output<typeof networksSchema>;
  readonly treasuries: Treasuries;
};

/** Whether a setting of the networks is whole enough to ask the chains something. */
export function networksProblem(text: string | undefined): string | null {
  if (text === undefined)
    return 'NETWORKS is not set: RECONCILE needs the chains with their rpcUrls and relayers';
  const parsed = networksSchema.safeParse(text);
  if (parsed.success) return null;
  const [issue] = parsed.error.issues;
  return `NETWORKS: ${(issue?.path ?? []).join('.')} ${issue?.message ?? 'is wrong'}; RECONCILE needs it whole`;
}

/** null where nothing is to be compared. */
export function reconciliationSetting(
  mode: (typeof reconcileModes)[number],
  networks: string | undefined,
  treasuries: Treasuries,
): ReconciliationSetting | null {
  if (mode === 'off' || networks === undefined) return null;
  return { mode, networks: networksSchema.parse(networks), treasuries };
}

/** Wallets of ours on a chain: those that pay gas, and those of the treasury. */
export function ownWalletsOf(
  network: { readonly chainId: ChainId; readonly relayers: readonly string[] },
  treasuries: Treasuries,
): ReadonlyMap<string, 'relayer' | 'treasury'> {
  return new Map([
    ...(treasuries[network.chainId] ?? []).map((address) => [address, 'treasury'] as const),
    ...network.relayers.map((address) => [address, 'relayer'] as const),
  ]);
}
