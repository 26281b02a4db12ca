// Lints texts as if they stood at the given paths: `node lint-planted.mjs '[{"path","code"}]'` prints the rules each breaks.
// A process of its own, because the Nx rule keeps the project graph in module state that Jest's module registry would split.
import { fileURLToPath } from 'node:url';

import { createProjectGraphAsync } from '@nx/devkit';
import { ESLint } from 'eslint';

const root = fileURLToPath(new URL('../..', import.meta.url));
const typedRules = ['no-floating-promises', 'no-misused-promises', 'switch-exhaustiveness-check'];

// Without a cached project graph the boundary rule skips itself in silence, as on a clean checkout.
await createProjectGraphAsync({ exitOnError: true });

const eslint = new ESLint({
  cwd: root,
  // A planted file is in no TypeScript project, so the rules that need types sit this out.
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: null } },
    rules: Object.fromEntries(typedRules.map((rule) => [`@typescript-eslint/${rule}`, 'off'])),
  },
});

const results = [];
for (const { path, code } of JSON.parse(process.argv[2])) {
  const [result] = await eslint.lintText(code, { filePath: `${root}${path}` });
  results.push({
    path,
    rules: [...new Set(result.messages.map((message) => message.ruleId ?? message.message))],
  });
}
process.stdout.write(JSON.stringify(results));
