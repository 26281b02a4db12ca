import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { devWallets } from '@quittance/embedded';

import { Payers, type Signer, signers } from './payers.js';
import { type Accepted, type Running, World } from './world.js';

/** Every method and every kind of signer, settled on a real chain that has the published contracts or their like. */

let world: World;
let payers: Payers;
let settling: Running | null = null;

const factories = [devWallets.factory];

beforeAll(async () => {
  world = await World.start();
  payers = new Payers(world);
}, 120_000);
afterEach(async () => {
  await settling?.close();
  settling = null;
});
afterAll(async () => {
  await world?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

/** Settles payments and says what each payee got. */
async function settled(...accepted: readonly Accepted[]): Promise<bigint[]> {
  // Here each transaction is a block: those of others must not make the last of twenty look late.
  settling ??= world.run({ network: { factories, replaceAfterBlocks: 1_000 } });
  await world.take(...accepted);
  await Promise.all(accepted.map((event) => world.becomes(event, 'confirmed', 30_000)));
  for (const event of accepted) {
    const told = await world.told(event);
    expect(types(told)).toEqual(['settlement.submitted', 'settlement.confirmed']);
    expect(told[1]).toMatchObject({ data: { settledBy: 'us', gas: { outcome: 'ok' } } });
  }
  return Promise.all(accepted.map(({ data }) => payers.balance(data.payTo)));
}

describe('a payment by EIP-3009', () => {
  it.each(signers)('settles for the signer %s', async (signer) => {
    const payer = await payers.fresh(signer);
    expect(await settled(await payers.byToken(payer))).toEqual([10_000n]);
  });

  it('settles though somebody deployed the wallet before', async () => {
    const payer = await payers.fresh('counterfactual');
    const accepted = await payers.byToken(payer);
    if (payer.wallet === null) throw new TypeError('no wallet');
    await payers.send(payer.key.address, { to: payer.wallet.factory, data: payer.wallet.factoryData });
    expect(await settled(accepted)).toEqual([10_000n]);
  });

  it('calls no factory that the settings do not name', async () => {
    settling = world.run();
    const accepted = await payers.byToken(await payers.fresh('counterfactual'));
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.failed', data: { gas: null, authorizationSpent: false } },
    ]);
  });

  it('of a counterfactual wallet without money says so, though Multicall3 does not', async () => {
    settling = world.run({ network: { factories } });
    const accepted = await payers.byToken(await payers.fresh('counterfactual'), { amount: 10n ** 15n });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([{ data: { reason: 'insufficient_funds' } }]);
  });
});

describe('a payment by Permit2', () => {
  it.each(signers)('settles for the signer %s', async (signer: Signer) => {
    const payer = await payers.fresh(signer);
    await payers.approve(payer);
    expect(await settled(await payers.byPermit(payer))).toEqual([10_000n]);
  });

  it('settles with a permit of EIP-2612, in one transaction', async () => {
    const payer = await payers.fresh();
    const count = await world.relayerCount();
    const sponsoring = await payers.permit2612(payer);
    expect(await settled(await payers.byPermit(payer, { sponsoring }))).toEqual([10_000n]);
    expect(await world.relayerCount()).toBe(count + 1);
  });

  it('without an allowance fails and burns no gas', async () => {
    settling = world.run();
    const count = await world.relayerCount();
    const accepted = await payers.byPermit(await payers.fresh());
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      {
        type: 'settlement.failed',
        data: { reason: 'permit2_allowance_required', authorizationSpent: false, gas: null },
      },
    ]);
    expect(await world.relayerCount()).toBe(count);
  });

  it('without the money fails, whatever is allowed', async () => {
    settling = world.run();
    const payer = await payers.fresh();
    await payers.approve(payer);
    const accepted = await payers.byPermit(payer, { amount: 10n ** 15n });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([{ data: { reason: 'permit2_insufficient_balance' } }]);
  });

  it('stays queued when its deadline is too near, until the facilitator says so', async () => {
    settling = world.run();
    const payer = await payers.fresh();
    await payers.approve(payer);
    const accepted = await payers.byPermit(payer, { validForSeconds: 2 });
    await world.take(accepted);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await world.stateOf(accepted)).toBe('queued');
    await world.take(world.expiryOf(accepted));
    expect(await world.stateOf(accepted)).toBe('expired');
    expect(await world.told(accepted)).toEqual([]);
  });

  it('is poison when its nonce is another payment’s, be it of another token', async () => {
    const payer = await payers.fresh();
    const accepted = await payers.byPermit(payer);
    await world.take(accepted, world.expiryOf(accepted));
    const data = { ...accepted.data, paymentId: 'bbbbbbbb-0000-4000-8000-000000000009' };
    const id = 'bbbbbbbb-0000-4000-8000-000000000010';
    const asset = accepted.data.asset.replace(/0x.*/, `0x${'77'.repeat(20)}`) as typeof data.asset;
    await expect(
      world.take({ ...accepted, id, key: data.paymentId, data: { ...data, asset } }),
    ).rejects.toMatchObject({ constraint: 'payment_identity' });
  });
});

describe('a payment by upto', () => {
  it.each(['account', 'wallet', 'delegated'] as const)(
    'settles for the signer %s with what is asked for, below what was signed',
    async (signer) => {
      const payer = await payers.fresh(signer);
      await payers.approve(payer);
      const facilitator = world.relayer.address;
      const accepted = await payers.byPermit(payer, { amount: 4_000n, ceiling: 10_000n, facilitator });
      expect(await settled(accepted)).toEqual([4_000n]);
      expect(await world.told(accepted)).toMatchObject([
        { data: { amount: '4000' } },
        { data: { amount: '4000' } },
      ]);
    },
  );

  it('settles with a permit of EIP-2612 over what was signed', async () => {
    const payer = await payers.fresh();
    const terms = { amount: 4_000n, ceiling: 10_000n, facilitator: world.relayer.address };
    const sponsoring = await payers.permit2612(payer, 10_000n);
    expect(await settled(await payers.byPermit(payer, { ...terms, sponsoring }))).toEqual([4_000n]);
  });

  it('is sent by the relayer that the payer named, whichever comes first', async () => {
    const [first, second] = [world.relayerOf(0), world.relayerOf(9)];
    settling = world.run({ relayers: [first, second] });
    const accepted = await Promise.all(
      [second, first, second, first, second].map(async ({ address: facilitator }) => {
        const payer = await payers.fresh();
        await payers.approve(payer);
        return payers.byPermit(payer, { facilitator });
      }),
    );
    await settled(...accepted);
    for (const event of accepted) {
      const [submitted] = await world.told(event);
      expect(submitted).toMatchObject({ data: { relayer: event.data.facilitator } });
    }
  });

  it('waits for the process that holds the key, and holds up nobody', async () => {
    settling = world.run({ relayers: [world.relayer] });
    const payer = await payers.fresh();
    await payers.approve(payer);
    const pinned = await payers.byPermit(payer, { facilitator: world.relayerOf(9).address });
    const free = await payers.byToken(payer);
    await world.take(pinned);
    await settled(free);
    expect(await world.stateOf(pinned)).toBe('queued');
    const other = world.run({ relayers: [world.relayerOf(9)] });
    await world.becomes(pinned, 'confirmed');
    await other.close();
  });
});

describe('twenty payments of every kind that wait together', () => {
  it('settle each once: the plain ones share transactions, the others go alone', async () => {
    const accepted: Accepted[] = [];
    for (const signer of signers) {
      const payer = await payers.fresh(signer);
      await payers.approve(payer);
      for (let index = 0; index < 2; index += 1) {
        accepted.push(await payers.byToken(payer), await payers.byPermit(payer));
      }
    }
    const upto = await payers.fresh();
    await payers.approve(upto);
    for (let index = 0; index < 2; index += 1) {
      const facilitator = world.relayer.address;
      accepted.push(await payers.byPermit(upto, { amount: 5_000n, ceiling: 9_000n, facilitator }));
      accepted.push(await payers.byToken(await payers.fresh()));
    }
    const got = await settled(...accepted);
    expect(got).toEqual(accepted.map(({ data }) => BigInt(data.amount)));
    const tries = await Promise.all(accepted.map(async (event) => (await world.attemptsOf(event))[0]?.batch));
    const together = [...Map.groupBy(accepted, (_, index) => tries[index]).values()].filter(
      ({ length }) => length > 1,
    );
    expect(together.length).toBeGreaterThan(0);
    for (const { data } of together.flat())
      expect(data).toMatchObject({ method: 'eip3009', payerHasCode: false });
  });
});
