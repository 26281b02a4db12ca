import { Controller, Get } from '@nestjs/common';
import type { SupportedResponse } from '@quittance/protocol';

import { Intake } from '../intake/intake.js';
import { OfferWatch } from './offer.loop.js';
import { supported } from './supported.js';

@Controller()
export class SupportedController {
  #turn = 0;

  constructor(
    private readonly watch: OfferWatch,
    private readonly intake: Intake,
  ) {}

  @Get('supported')
  kinds(): SupportedResponse {
    this.#turn += 1;
    // What cannot be settled now is not offered.
    return supported(
      this.watch.offers().filter(({ chainId }) => !this.intake.isSuspended(chainId)),
      this.#turn,
    );
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
        verdicts: '/verdicts',
        openapi: '/openapi.json',
        docs: '/docs',
        live: '/health/live',
        ready: '/health/ready',
      },
    };
  }
}
