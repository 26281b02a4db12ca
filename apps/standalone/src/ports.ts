import { createServer } from 'node:net';

import { freePorts } from '@quittance/embedded';

import { type Config, type PortName, portSettings } from './config.js';
import { StandaloneError } from './standalone.error.js';

/**
 * The ports to use: those asked for, or a free one for each 0.
 *
 * @throws StandaloneError naming the setting to change when one is taken.
 */
export async function choosePorts(wanted: Config['ports']): Promise<Config['ports']> {
  const ports = Object.entries(wanted) as [PortName, number][];
  for (const [name, port] of ports) {
    if (port !== 0 && !(await isFree(port))) {
      const setting = portSettings[name];
      const message = `Port ${port}, for the ${name}, is taken. Set ${setting} to another one, or to 0 for any free one: ${setting}=0 npm start`;
      throw new StandaloneError('port_taken', message);
    }
  }
  const free = await freePorts(ports.length);
  const chosen = ports.map(([name, port], index) => [name, port === 0 ? free[index] : port]);
  return Object.fromEntries(chosen) as Config['ports'];
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
