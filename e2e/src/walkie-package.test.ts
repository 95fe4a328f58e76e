import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The library as an outsider gets it: the packed tarballs, in a project that knows nothing of this one. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (file: string, words: string[], cwd: string) =>
  promisify(execFile)(file, words, { cwd, maxBuffer: 16 * 1024 * 1024 });
const modulePath = (path: string) => join(root, 'node_modules', path);

const TOOL = `
import { WalkieError, WalkieRoles } from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork } from '@runtime-bridge/walkie-protocol/testing';

const network = new MemoryNetwork();
const manager = network.node({ peerId: 'QmManager', role: WalkieRoles.WR_LIFECYCLE_MANAGER });
manager.handle('ListPool', () => ({ pools: [{ pid: 2n, name: 'mine' }] }));
const tool = network.node();
await manager.start();
await tool.start();
const { pools } = await tool.client('QmManager').call('ListPool', {});
const refused = await tool.client('QmManager').call('ListWorker', {}).catch((error: unknown) => error);
if (!(refused instanceof WalkieError)) throw new Error('not a WalkieError');
console.log(pools[0]?.name, refused.code);
`;

let project: string;
let packed: string[];

beforeAll(async () => {
  // Within this folder third-party packages are found as if they had been installed; ours come from the tarballs.
  project = await mkdtemp(join(root, '.outside-'));
  const scope = join(project, 'node_modules/@runtime-bridge');
  for (const name of ['base', 'walkie-protocol']) {
    const folder = join(root, 'packages', name);
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], folder);
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [
      { filename: string; files: { path: string }[] },
    ];
    if (name === 'walkie-protocol') packed = files.map(({ path }) => path);
    await mkdir(join(scope, name), { recursive: true });
    const target = ['-C', join(scope, name), '--strip-components=1'];
    await run('tar', ['xzf', join(project, filename), ...target], project);
  }
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
  const readme = await readFile(join(root, 'packages/walkie-protocol/README.md'), 'utf8');
  const samples = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);
  expect(samples.length).toBeGreaterThan(1);
  await writeFile(join(project, 'tool.ts'), TOOL);
  for (const [i, code] of samples.entries()) {
    await writeFile(join(project, `sample-${i}.ts`), `${code}\nexport {};\n`);
  }
});
afterAll(() => rm(project, { recursive: true, force: true }));

describe('the packed library', () => {
  it('holds what it should and nothing else', async () => {
    expect(packed).toEqual(
      expect.arrayContaining(['README.md', 'api.md', 'dist/index.js', 'dist/index.d.ts']),
    );
    for (const name of ['base', 'walkie-protocol']) {
      const license = await readFile(
        join(project, 'node_modules/@runtime-bridge', name, 'LICENSE'),
        'utf8',
      );
      expect(license).toBe(await readFile(join(root, 'LICENSE'), 'utf8'));
    }
    const odd = packed.filter((path) => /\.test\.|tsbuildinfo|^src\/|proto-2022/.test(path));
    expect(odd).toEqual([]);
    const home = join(project, 'node_modules/@runtime-bridge/walkie-protocol');
    const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      exports: Record<string, Record<string, string> | string>;
    };
    for (const target of Object.values(manifest.exports)) {
      if (typeof target === 'string') continue;
      for (const condition of ['types', 'default']) await readFile(join(home, target[condition]!));
    }
    expect(await readFile(join(home, 'api.md'), 'utf8')).toContain('### WalkieNode');
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['preserve', 'bundler'],
  ])(
    'has types for an outsider with module %s',
    async (module, moduleResolution) => {
      const config = {
        compilerOptions: {
          target: 'es2022',
          lib: ['es2023'],
          types: ['node'],
          typeRoots: [modulePath('@types')],
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: true,
          module,
          moduleResolution,
          outDir: 'out',
        },
        include: ['*.ts'],
      };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
      await run(process.execPath, [modulePath('typescript/bin/tsc')], project);
    },
    120_000,
  );

  it('runs without a bundler, and as one file made by a bundler', async () => {
    const expected = 'mine NOT_FOUND\n';
    const plain = await run(process.execPath, ['out/tool.js'], project);
    expect(plain.stdout).toBe(expected);
    const bundle = [
      "import { rolldown } from 'rolldown';",
      "const build = await rolldown({ input: 'tool.ts', platform: 'node', external: ['@node-rs/crc32'] });",
      "await build.write({ file: 'bundled/tool.mjs', codeSplitting: false });",
    ].join('\n');
    await writeFile(join(project, 'bundle.mjs'), bundle);
    await run(process.execPath, ['bundle.mjs'], project);
    const bundled = await run(process.execPath, ['bundled/tool.mjs'], project);
    expect(bundled.stdout).toBe(expected);
  }, 120_000);
});
