/** The payment that all fixtures are about. Frozen: a fixture is the contract of its version. */
export const fixturePayment = {
  paymentId: '6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718',
  chainId: 'eip155:84532',
  asset: 'eip155:84532/erc20:0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  payer: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  payTo: '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
  amount: '10000',
} as const;

export const fixtureBlock = { number: '1234567', hash: `0x${'b1'.repeat(32)}`, time: '1795032000' } as const;

export const fixtureTransaction = `0x${'7a'.repeat(32)}`;
export const fixtureRelayer = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
