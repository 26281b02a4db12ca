import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { Logger } from '@quittance/observability';
import { type VerifyResponse, verifyAnswer } from '@quittance/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Config } from '../config.js';
import { Admission } from '../http/admission.js';
import { readBody, statusOfVerdict, verifyRefusal } from '../http/refusal.js';
import { FacilitatorMetrics } from '../metrics/facilitator-metrics.js';
import { configToken, loggerToken, verifyPortsToken } from '../tokens.provider.js';
import { keepIfUnknownNetwork } from '../verdict/unknown-network.js';
import { verify, type VerifyPorts } from './verify.js';

@Controller('verify')
export class VerifyController {
  private readonly admission = new Admission();

  constructor(
    @Inject(verifyPortsToken) private readonly ports: VerifyPorts,
    private readonly metrics: FacilitatorMetrics,
    @Inject(configToken) private readonly config: Config,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  @Post()
  @HttpCode(200)
  answer(
    @Req() { body }: FastifyRequest<{ Body: Uint8Array | undefined }>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VerifyResponse> {
    return this.admission.run(() => this.verify(body, reply));
  }

  private async verify(body: Uint8Array | undefined, reply: FastifyReply): Promise<VerifyResponse> {
    const vocabulary = this.config.reasonVocabulary;
    const reading = readBody(body);
    if (!reading.ok) {
      await keepIfUnknownNetwork(reading.refusal, 'verify', this.ports);
      reply.status(reading.status);
      this.metrics.countVerdict({ route: 'verify', outcome: 'refused', reason: reading.refusal.reason });
      return verifyRefusal(reading.refusal, vocabulary);
    }
    const { request } = reading;
    const { verdict, payer } = await verify(request, this.ports);
    if (!verdict.ok) reply.status(statusOfVerdict(verdict.reason));
    this.metrics.countVerdict({
      route: 'verify',
      ...(verdict.ok ? { outcome: 'valid' } : { outcome: 'refused', reason: verdict.reason }),
    });
    this.logger.debug(
      { network: request.network, valid: verdict.ok, ...(verdict.ok ? {} : { reason: verdict.reason }) },
      'verified',
    );
    return verifyAnswer({ request, verdict, payer, vocabulary });
  }
}
