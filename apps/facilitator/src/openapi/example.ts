const requirements = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  maxTimeoutSeconds: 300,
  extra: { name: 'USDC', version: '2' },
};

/** A request in the right form whose signature nobody made: `/verify` answers it with a reason. */
export const exampleRequest = {
  x402Version: 2,
  paymentPayload: {
    x402Version: 2,
    resource: { url: 'https://shop.example/weather' },
    accepted: requirements,
    payload: {
      signature: `0x${'11'.repeat(64)}1b`,
      authorization: {
        from: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
        to: requirements.payTo,
        value: requirements.amount,
        validAfter: '0',
        validBefore: '4102444800',
        nonce: `0x${'22'.repeat(32)}`,
      },
    },
  },
  paymentRequirements: requirements,
};
