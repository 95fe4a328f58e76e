// Makes one image or all: node tools/images/build.mjs [TARGET…], with docker where its engine runs, else with buildah.
// BASE names another base image, TAG another tag than "latest".
import { spawnSync } from 'node:child_process';
import { fail, root, run } from '../setup/setup.mjs';
import { targets } from './targets.mjs';

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => targets[name] === undefined);
if (unknown !== undefined)
  fail(`There is no image ${unknown}; there are ${Object.keys(targets).join(', ')}`);

const runs = (command, ...args) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
const docker = runs('docker', 'info');
if (!docker && !runs('buildah', '--version'))
  fail('Neither a docker engine nor buildah is here; as root: apt-get install buildah');

for (const name of wanted.length > 0 ? wanted : Object.keys(targets)) {
  const common = [
    '--file',
    'docker/Dockerfile',
    '--target',
    name,
    '--tag',
    `runtime-bridge-${name}:${process.env.TAG ?? 'latest'}`,
    ...(process.env.BASE === undefined ? [] : ['--build-arg', `BASE=${process.env.BASE}`]),
    root,
  ];
  if (docker) run('docker', ['build', ...common]);
  // Only the docker format knows health checks.
  else run('buildah', ['bud', '--layers', '--format', 'docker', ...common]);
}
