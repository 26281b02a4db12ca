import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hashTypedData, type Hex, zeroAddress } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount } from 'viem/accounts';

import { devPermit2 } from '../src/dev-permit2.js';
import { devTokenAbi, devUsdc } from '../src/dev-token.js';
import {
  chainId,
  type ContractCall,
  type DevChainFixture,
  farFuture,
  newAccount,
  permitData,
  price,
  splitSignature,
  startDevChain,
} from './dev-chain.fixture.js';

let chain: DevChainFixture;

beforeAll(async () => {
  chain = await startDevChain();
});
afterAll(async () => chain.stop());

const onToken = (functionName: string, args: readonly unknown[]): ContractCall => ({
  to: devUsdc.address,
  abi: devTokenAbi,
  functionName,
  args,
});

/** Each function that takes a signature takes it in both forms. */
const forms = [
  ['bytes', (signature: Hex) => [signature]],
  [
    'v, r and s',
    (signature: Hex) => {
      const { v, r, s } = splitSignature(signature);
      return [v, r, s];
    },
  ],
] as const;

describe.each(forms)('A permit of the dev token by %s', (_, inForm) => {
  async function permitBy(payer: PrivateKeyAccount, changes: { nonce?: bigint; deadline?: bigint } = {}) {
    const terms = { owner: payer.address, value: price, nonce: 0n, deadline: farFuture, ...changes };
    const signature = await payer.signTypedData(permitData(terms));
    return (owner = payer.address, value = price): ContractCall =>
      onToken('permit', [owner, devPermit2.permit2, value, terms.deadline, ...inForm(signature)]);
  }

  it('is an approval, and counts once', async () => {
    const payer = await chain.newPayer();
    const permit = await permitBy(payer);
    await chain.send(permit(), chain.stranger);
    expect(await chain.allowanceOf(payer.address)).toBe(price);
    expect(
      await chain.client.readContract({
        address: devUsdc.address,
        abi: devTokenAbi,
        functionName: 'nonces',
        args: [payer.address],
      }),
    ).toBe(1n);
    expect(await chain.reasonOf(permit())).toBe('EIP2612: invalid signature');
    await chain.send((await permitBy(payer, { nonce: 1n }))());
  });

  it('is refused when late, of another amount, or by another owner', async () => {
    const payer = await chain.newPayer();
    const { timestamp } = await chain.client.getBlock();
    const late = await permitBy(payer, { deadline: timestamp - 1n });
    expect(await chain.reasonOf(late())).toBe('FiatTokenV2: permit is expired');
    const permit = await permitBy(payer);
    expect(await chain.reasonOf(permit(payer.address, price + 1n))).toBe('EIP2612: invalid signature');
    expect(await chain.reasonOf(permit(chain.stranger.address))).toBe('EIP2612: invalid signature');
    expect(await chain.reasonOf(permit(zeroAddress))).toBe('EIP2612: invalid signature');
  });

  it('is refused for a blacklisted owner', async () => {
    const payer = await chain.newPayer();
    await chain.send(onToken('blacklist', [payer.address]));
    const permit = await permitBy(payer);
    expect(await chain.reasonOf(permit())).toBe('Blacklistable: account is blacklisted');
  });
});

describe.each(forms)('A transfer by authorization of the dev token by %s', (_, inForm) => {
  async function transferBy(payer: PrivateKeyAccount) {
    const to = newAccount().address;
    const nonce = generatePrivateKey();
    const message = { from: payer.address, to, value: price, validAfter: 0n, validBefore: farFuture, nonce };
    const signature = await payer.sign({ hash: hashTypedData(authorizationData(message)) });
    return (value = price): ContractCall =>
      onToken('transferWithAuthorization', [
        payer.address,
        to,
        value,
        0n,
        farFuture,
        nonce,
        ...inForm(signature),
      ]);
  }

  it('moves the money once, for a payer without code', async () => {
    const payer = await chain.newPayer();
    const transfer = await transferBy(payer);
    expect(await chain.reasonOf(transfer(price - 1n))).toBe('FiatTokenV2: invalid signature');
    await chain.send(transfer(), chain.stranger);
    expect(await chain.balanceOf(payer.address)).toBe(9n * price);
    expect(await chain.reasonOf(transfer())).toBe('FiatTokenV2: authorization is used or canceled');
  });

  it('asks a payer with code, and does not fall back to ECDSA', async () => {
    const payer = await chain.newPayer();
    const transfer = await transferBy(payer);
    expect(await chain.reasonOf(transfer())).toBeNull();
    const answers = {
      'nothing at all': '0x00',
      'a revert': '0x60006000fd',
      'a short answer of the magic value': '0x631626ba7e60e01b60005260046000f3',
      'another value': '0x63ffffffff60e01b60005260206000f3',
    } as const;
    for (const bytecode of Object.values(answers)) {
      await chain.client.setCode({ address: payer.address, bytecode });
      expect(await chain.reasonOf(transfer())).toBe('FiatTokenV2: invalid signature');
    }
    await chain.client.setCode({ address: payer.address, bytecode: '0x631626ba7e60e01b60005260206000f3' });
    expect(await chain.reasonOf(transfer(price - 1n))).toBeNull();
  });
});

type Authorization = Readonly<Record<'from' | 'to' | 'nonce', Hex>> &
  Readonly<Record<'value' | 'validAfter' | 'validBefore', bigint>>;

function authorizationData(message: Authorization) {
  return {
    domain: { name: devUsdc.name, version: devUsdc.version, chainId, verifyingContract: devUsdc.address },
    types: {
      TransferWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message,
  } as const;
}
