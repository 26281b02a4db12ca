import { Controller, Get } from '@nestjs/common';
import type { SupportedResponse } from '@quittance/protocol';

import { FacilitatorChains } from '../chain/facilitator-chain.adapter.js';
import { Intake } from '../intake/intake.js';
import { supported } from './supported.js';

@Controller()
export class SupportedController {
  constructor(
    private readonly chains: FacilitatorChains,
    private readonly intake: Intake,
  ) {}

  @Get('supported')
  kinds(): SupportedResponse {
    // What cannot be settled now is not offered.
    return supported(this.chains.all.filter(({ chainId }) => !this.intake.isSuspended(chainId)));
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
