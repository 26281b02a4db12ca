import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import { Write, type WriteRequest } from '../access/write.adapter.js';
import { WriteRepository } from '../access/write.repository.js';
import { readBody } from '../http/body.js';
import { StandingRepository } from './standing.repository.js';
import { resumeBody, type Standing, suspendBody } from './standing.schema.js';

@Controller('standing')
export class StandingController {
  constructor(
    private readonly standing: StandingRepository,
    private readonly writes: WriteRepository,
  ) {}

  @Get()
  @Needs('viewer')
  read(): Promise<Standing> {
    return this.standing.read();
  }

  @Post('suspend')
  @HttpCode(200)
  @Needs('controller')
  suspend(@Write() write: WriteRequest, @Body() body: unknown): Promise<Standing> {
    const { reason } = readBody(suspendBody, body);
    return this.writes.once(write, async (sql, actor) => ({
      status: 200,
      body: await this.standing.suspend(sql, { reason, actor }),
    }));
  }

  @Post('resume')
  @HttpCode(200)
  @Needs('controller')
  resume(@Write() write: WriteRequest, @Body() body: unknown): Promise<Standing> {
    const { reason, checkId } = readBody(resumeBody, body);
    return this.writes.once(write, async (sql, actor) => ({
      status: 200,
      body: await this.standing.resume(sql, { reason, actor, checkId }),
    }));
  }
}
