import { projectConfig } from '../../jest.preset.js';

export default projectConfig({ displayName: 'workspace', testTimeoutMs: 120_000 });
