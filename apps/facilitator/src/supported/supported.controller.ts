import { Controller, Get } from '@nestjs/common';
import type { SupportedResponse } from '@quittance/protocol';

import { FacilitatorChains } from '../chain/facilitator-chain.adapter.js';
import { supported } from './supported.js';

@Controller()
export class SupportedController {
  constructor(private readonly chains: FacilitatorChains) {}

  @Get('supported')
  kinds(): SupportedResponse {
    return supported(this.chains.all);
  }

  @Get()
  index(): Readonly<Record<string, unknown>> {
    return {
      name: 'Quittance facilitator',
      links: {
        verify: '/verify',
        settle: '/settle',
        supported: '/supported',
        payment: '/payments/{id}',
        openapi: '/openapi.json',
        docs: '/docs',
        live: '/health/live',
        ready: '/health/ready',
      },
    };
  }
}
