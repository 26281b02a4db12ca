import { projectConfig } from '../../jest.preset.js';

export default projectConfig({ displayName: 'standalone', testTimeoutMs: 120_000 });
