import { Controller, Get, Header, Param } from '@nestjs/common';
import { problem } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import { ProblemError } from '../http/problem.error.js';
import { ChainStandings } from '../intake/chain-standing.repository.js';
import { PaymentRepository } from './payment.repository.js';
import { paymentView, type PaymentView } from './payment-view.js';

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

@Controller('payments')
export class PaymentController {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly standings: ChainStandings,
  ) {}

  @Get(':id')
  @Header('cache-control', 'no-store')
  async read(@Param('id') id: string): Promise<PaymentView> {
    if (!uuidPattern.test(id)) throw new ProblemError(malformedId);
    const paymentId = id.toLowerCase() as PaymentId;
    const payment = await this.payments.find(paymentId);
    if (payment === null) throw new ProblemError(unknownPayment);
    const [attempts, transitions, finalBlock] = await Promise.all([
      this.payments.attempts(paymentId),
      this.payments.transitions(paymentId),
      this.standings.finalBlock(payment.chainId),
    ]);
    return paymentView(payment, { attempts, transitions, finalBlock });
  }
}

const malformedId = problem({
  status: 400,
  code: 'payment_id_malformed',
  title: 'Not a payment id',
  detail: 'A payment id is a UUID, like 6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718.',
});

const unknownPayment = problem({
  status: 404,
  code: 'payment_unknown',
  title: 'Unknown payment',
  detail: 'No payment with this id was accepted here.',
});
