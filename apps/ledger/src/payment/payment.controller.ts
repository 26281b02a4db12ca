import { Controller, Get, Param } from '@nestjs/common';

import { AssetDirectory } from '../asset/asset-directory.js';
import { Needs } from '../access/access.guard.js';
import { pageLimitMax } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { TransactionRepository } from '../transaction/transaction.repository.js';
import { paymentView } from './payment-view.js';
import { PaymentRepository } from './payment.repository.js';
import { type Payment, paymentPath } from './payment.schema.js';

@Needs('viewer')
@Controller('payments')
export class PaymentController {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly transactions: TransactionRepository,
    private readonly assets: AssetDirectory,
  ) {}

  @Get(':id')
  async one(@Param() path: unknown): Promise<Payment> {
    const { id } = readParameters(paymentPath, path);
    const facts = await this.payments.facts(id);
    if (facts === null) throw ProblemError.notFound(`The books know no payment ${id}.`);
    // A payment has a few transactions; one with more than a page of them is shown cut, and /transactions has all.
    const transactions = await this.transactions.ofPayment(id, pageLimitMax);
    const finalBlock = await this.payments.finalBlock(facts.chainId);
    return paymentView({ facts, transactions, finalBlock }, this.assets);
  }
}
