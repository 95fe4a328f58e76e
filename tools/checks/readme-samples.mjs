// Compiles every ```ts block of every README, all in one program, against the sources of the packages.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../setup/setup.mjs';

const folder = join(root, '.samples');
const readmes = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*README.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean);
let count = 0;
let status = 1;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
try {
  for (const readme of readmes) {
    const blocks = readFileSync(join(root, readme), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm);
    for (const [, code] of blocks) {
      count += 1;
      // The name says which README a complaint is about.
      const name = `${dirname(readme).replaceAll('/', '-')}-${count}.ts`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
    }
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../tsconfig.base.json',
      compilerOptions: {
        noEmit: true,
        composite: false,
        incremental: false,
        declaration: false,
        declarationMap: false,
        noUnusedLocals: false,
      },
      include: ['*.ts'],
    }),
  );
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  status = spawnSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `${count} samples in ${readmes.length} READMEs ${status === 0 ? '' : 'do not all '}compile`,
);
process.exitCode = status;
