import { type Figures, result } from '../figures.js';
import { postgresTransport, startKafkaTransport, type Transport } from '../transport.js';
import { watchMachine } from './machine.js';
import { type HeldRates, measure } from './settle/measure.js';
import { conditions } from './settle/rounds.js';
import { type Plan, planOf } from './settle/plan.js';

/**
 * How fast payments are settled: this installation and the reference facilitator in turns, on one chain in one run,
 * with payments signed beforehand and sent straight to POST /settle. Only authorizations used on chain count.
 */
const plan = planOf(process.argv.slice(2), process.env);
const transports: { readonly prefix: string; readonly start: () => Promise<Transport | undefined> }[] = [
  { prefix: '', start: async () => postgresTransport },
  { prefix: 'kafka_', start: startedKafka },
];

const machine = watchMachine();

let figures: Figures = {};
let held: HeldRates = {};
for (const { prefix, start } of transports.filter((one) => isWanted(one.prefix, plan))) {
  const transport = await start();
  if (transport === undefined) continue;
  try {
    const measured = await measure({ transport, plan, held });
    held = measured.held;
    figures = { ...figures, ...prefixed(prefix, measured.figures) };
  } finally {
    await transport.stop();
  }
}
result({
  bench: 'settle',
  conditions: {
    ...conditions,
    turns: `${plan.turns}, in turns; figures are medians`,
    ...machine(),
  },
  figures,
});
process.exit(0);

async function startedKafka(): Promise<Transport | undefined> {
  const kafka = await startKafkaTransport();
  if (!('unavailable' in kafka)) return kafka;
  console.log(`The Kafka half is left out: ${kafka.unavailable}`);
  return undefined;
}

function isWanted(prefix: string, { transports: wanted }: Plan): boolean {
  return wanted.has(prefix === '' ? 'embedded' : 'kafka');
}

function prefixed(prefix: string, named: Figures): Figures {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [`${prefix}${name}`, value]));
}
