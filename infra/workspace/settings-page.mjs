/** The page that lists every setting of everything that is started, from what the code of each says. */
export function settingsPage(sections) {
  return [
    '# Settings',
    '',
    'Environment variables, read once at start. A wrong or missing one is named, and nothing is started.',
    'Made from the code by `npm run generate`; do not edit.',
    '',
    ...sections.flatMap(section),
  ].join('\n');
}

function section({ title, command, settings, options = [] }) {
  return [
    `## ${title}`,
    '',
    `\`${command}\``,
    '',
    ...table('Setting', settings),
    '',
    ...(options.length === 0 ? [] : [...table('Option', options), '']),
  ];
}

function table(heading, settings) {
  const rows = settings.map(({ name, default: value, description }) => [
    `\`${cell(name)}\``,
    fallback(value),
    cell(description ?? ''),
  ]);
  return [[heading, 'Default', 'Meaning'], ['---', '---', '---'], ...rows].map(
    (row) => `| ${row.join(' | ')} |`,
  );
}

// No default means required; a default of nothing means that it may be left out.
function fallback(value) {
  if (value === undefined) return 'required';
  return value === null || value === '' ? 'none' : `\`${cell(String(value))}\``;
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
