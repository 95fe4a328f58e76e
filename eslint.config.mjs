import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Who may import whom: the table of rooms in README.md, in the words of Nx tags. */
const mayImport = {
  'package:base': [],
  'package:blob-codec': ['base'],
  'package:light-client': ['base', 'blob-codec'],
  'package:chain-client': ['base', 'blob-codec'],
  'package:prpc-client': ['base'],
  'package:walkie-protocol': ['base'],
  'package:keystore': ['base'],
  'package:block-store': ['base', 'blob-codec', 'light-client', 'chain-client'],
  'package:fleet': [
    'base',
    'blob-codec',
    'chain-client',
    'prpc-client',
    'walkie-protocol',
    'keystore',
    'tx-queue',
  ],
  'package:tx-queue': ['base'],
  'package:tx-sender': ['base', 'chain-client', 'keystore', 'tx-queue'],
  'package:service-kit': ['base'],
};

const packageRules = Object.entries(mayImport).map(([sourceTag, packages]) => ({
  sourceTag,
  onlyDependOnLibsWithTags: packages.map((name) => `package:${name}`),
}));

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '**/gen/**',
      '.nx/**',
      '**/*.d.ts',
      '**/vitest*.config.ts',
      '**/vite.config.ts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // An async method may satisfy an interface without having something to await.
      '@typescript-eslint/require-await': 'off',
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Only main.ts touches process.' },
      ],
      'no-console': 'error',
    },
  },
  {
    files: ['**/main.ts', '**/*-main.ts', '**/*.test.ts', 'tools/**/*.ts', 'e2e/**/*.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-console': 'off' },
  },
  {
    files: ['**/*.test.ts', '**/*.test.*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        URL: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
      },
    },
  },
  {
    files: ['apps/monitor/web/public/*.js'],
    languageOptions: {
      globals: { document: 'readonly', localStorage: 'readonly', matchMedia: 'readonly' },
    },
  },
  {
    files: ['{packages,apps,tools}/*/src/**/*.ts', 'apps/monitor/web/src/**/*.{ts,tsx}'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: [
            ...packageRules,
            {
              sourceTag: 'type:package',
              notDependOnLibsWithTags: ['type:app', 'type:tool', 'type:e2e'],
            },
            { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:package'] },
            // The dev network and the auditor are independent counterparts: a fault of ours must not cancel itself out in them.
            { sourceTag: 'tool:devnet', onlyDependOnLibsWithTags: ['tool:devnet'] },
            { sourceTag: 'tool:bench', onlyDependOnLibsWithTags: ['type:package'] },
            {
              sourceTag: 'tool:docs',
              onlyDependOnLibsWithTags: ['type:app', 'package:service-kit'],
            },
            { sourceTag: 'tool:auditor', onlyDependOnLibsWithTags: ['tool:auditor'] },
            {
              sourceTag: 'tool:demo',
              onlyDependOnLibsWithTags: ['tool:auditor', 'package:base', 'package:service-kit'],
            },
            { sourceTag: 'type:package', onlyDependOnLibsWithTags: ['type:package'] },
          ],
        },
      ],
    },
  },
  {
    // The dashboard runs in browsers: of the monitor it knows the API's types and vocabulary, of Node and our packages nothing.
    files: ['apps/monitor/web/src/**/*.{ts,tsx}'],
    ignores: ['**/*.test.ts'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', '@runtime-bridge/*'], message: 'Not there in a browser.' },
            {
              regex: '^(\\.\\./)+src/(?!api/)',
              message: 'Of the server only src/api is for the front end.',
            },
          ],
        },
      ],
    },
  },
  prettier,
);
