import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { type Logger, type Problem, problem } from '@quittance/observability';
import { type PaymentRequest, settleAnswer, type SettleResponse } from '@quittance/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Config } from '../config.js';
import { Admission } from '../http/admission.js';
import { ProblemError } from '../http/problem.error.js';
import { readBody, settleRefusal, statusOfVerdict } from '../http/refusal.js';
import { FacilitatorMetrics } from '../metrics/facilitator-metrics.js';
import { configToken, loggerToken, settlePortsToken } from '../tokens.provider.js';
import { keepIfUnknownNetwork } from '../verdict/unknown-network.js';
import { Boarding } from './boarding.js';
import { settle, type SettlePorts, type SettleResult } from './settle.js';

@Controller('settle')
export class SettleController {
  private readonly admission = new Admission();
  private readonly boarding = new Boarding();

  constructor(
    @Inject(settlePortsToken) private readonly ports: SettlePorts,
    private readonly metrics: FacilitatorMetrics,
    @Inject(configToken) private readonly config: Config,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  @Post()
  @HttpCode(200)
  answer(
    @Req() { body }: FastifyRequest<{ Body: Uint8Array | undefined }>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SettleResponse> {
    return this.admission.run(() => this.settle(body, reply));
  }

  private async settle(body: Uint8Array | undefined, reply: FastifyReply): Promise<SettleResponse> {
    const reading = readBody(body);
    if (!reading.ok) {
      await keepIfUnknownNetwork(reading.refusal, 'settle', this.ports);
      reply.status(reading.status);
      this.metrics.countVerdict({ route: 'settle', outcome: 'refused', reason: reading.refusal.reason });
      return settleRefusal(reading.refusal, this.config.reasonVocabulary);
    }
    await this.boarding.board();
    const begunMs = performance.now();
    const result = await settle(reading.request, this.ports);
    if (result.outcome.success) this.boarding.settled(performance.now() - begunMs);
    const { outcome, paymentId } = result;
    this.logger.info(
      { paymentId, success: outcome.success, ...(outcome.success ? {} : { reason: outcome.reason }) },
      'settled',
    );
    this.count(result);
    if (result.kind === 'unknown') throw new ProblemError(notBroadcastYet(paymentId));
    if (!outcome.success) reply.status(statusOfVerdict(outcome.reason));
    return this.wireAnswer(reading.request, result);
  }

  private count({ outcome }: SettleResult): void {
    if (outcome.success) {
      this.metrics.countVerdict({ route: 'settle', outcome: 'settled' });
      return;
    }
    const { reason } = outcome;
    const kind = reason === 'settlement_pending' ? 'pending' : 'refused';
    this.metrics.countVerdict({ route: 'settle', outcome: kind, reason });
  }

  private wireAnswer(request: PaymentRequest, { outcome, payer }: SettleResult): SettleResponse {
    const { x402Version, networkAsWritten: network } = request;
    const answer = settleAnswer({
      outcome,
      network,
      payer,
      x402Version,
      vocabulary: this.config.reasonVocabulary,
    });
    return outcome.success && x402Version === 2 ? { ...answer, amount: request.requirements.amount } : answer;
  }
}

/** Accepted, and what has to happen next is held up: no verdict, and no hash to name. */
function notBroadcastYet(paymentId: string | undefined): Problem {
  return problem({
    status: 503,
    code: 'settlement_pending',
    title: 'Accepted and not broadcast yet',
    detail: `Payment ${paymentId} is accepted and will be settled once. Send the same request again for its outcome.`,
  });
}
