import { projectConfig } from '../../jest.preset.js';

// One suite at a time: each starts a whole installation of its own.
export default projectConfig({ displayName: 'e2e', testTimeoutMs: 180_000, maxWorkers: 1 });
