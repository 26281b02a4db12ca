import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { devTokenAbi, devUsdc, devWallets } from '@quittance/embedded';
import { type Address, encodeFunctionData, type Hex } from 'viem';

import {
  newSigner,
  networksWithFactory,
  permitBody,
  sendAs,
  setCode,
  type Signer,
  transferBody,
} from './methods.fixture.js';
import { expectRefusal, type RefusalRow as Row, routes } from './refusal.fixture.js';
import { type Ground, type Replica, startGround, startReplica } from './stack.fixture.js';

/** Everything that can be wrong with a signature that is not an account's, sent to both routes over HTTP. */
let ground: Ground;
let replica: Replica;
let payer: Signer;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground, { settings: { NETWORKS: networksWithFactory(ground) } });
  payer = await newSigner(ground, 'an account');
}, 90_000);

afterAll(async () => {
  await replica.close();
  await ground.stop();
});

const somebody: Address = '0x00000000000000000000000000000000000000b2';

const wallets: readonly Row[] = [
  [
    'a wallet’s signature that it does not take',
    async () => {
      const wallet = await newSigner(ground, 'a wallet');
      return permitBody({ ...wallet, sign: (data) => wallet.account.signTypedData(data) });
    },
    'invalid_permit2_signature',
    /is a contract, and its isValidSignature does not accept/,
  ],
  [
    'a contract without isValidSignature',
    async () => {
      const mute = await newSigner(ground, 'an account');
      await setCode(ground, mute.address, '0x00');
      return transferBody(mute);
    },
    'invalid_exact_evm_payload_signature',
    /is a contract, and its isValidSignature does not accept/,
  ],
  [
    'a wallet’s signature where there is no wallet',
    async () => {
      const body = await transferBody(payer);
      const { payload } = body.paymentPayload;
      return {
        ...body,
        paymentPayload: {
          ...body.paymentPayload,
          payload: { ...payload, signature: `0x${'12'.repeat(100)}` },
        },
      };
    },
    'invalid_exact_evm_payload_undeployed_smart_wallet',
    /has no code/,
  ],
  [
    'a factory that is not allowed',
    async () => {
      const wallet = await newSigner(ground, 'a wallet to be deployed', { approves: false });
      const sign: Signer['sign'] = async (data) =>
        (await wallet.sign(data)).replace(
          devWallets.factory.slice(2).toLowerCase(),
          somebody.slice(2),
        ) as Hex;
      return transferBody({ ...wallet, sign });
    },
    'eip6492_factory_not_allowed',
    /deployed by 0x0{38}b2/,
  ],
  [
    'a wrapping with nothing in it',
    async () => {
      const body = await transferBody(payer);
      const { payload } = body.paymentPayload;
      return {
        ...body,
        paymentPayload: {
          ...body.paymentPayload,
          payload: { ...payload, signature: `0x${'6492'.repeat(16)}` },
        },
      };
    },
    'invalid_exact_evm_failed_to_parse_signature',
    /ERC-6492/,
  ],
  [
    'an account whose delegate judges otherwise',
    async () => {
      const account = await newSigner(ground, 'an account with a delegate');
      return transferBody({ ...account, sign: (data) => payer.account.signTypedData(data) });
    },
    'invalid_exact_evm_payload_signature',
    /does not accept/,
  ],
  [
    'a transfer that the token refuses, in the token’s own words',
    async () => {
      const outcast = await newSigner(ground, 'an account', { approves: false });
      const data = encodeFunctionData({
        abi: devTokenAbi,
        functionName: 'blacklist',
        args: [outcast.address],
      });
      await sendAs(ground, somebody, { to: devUsdc.address, data });
      return transferBody(outcast);
    },
    'invalid_exact_evm_transaction_simulation_failed',
    /reverted with "Blacklistable: account is blacklisted"/,
  ],
];

describe.each(routes)('POST %s', (route) => {
  it.each(wallets)('answers %s', async (...row) => {
    await expectRefusal(replica, route, row);
  });
});
