// Images without a daemon, for the check: a store of its own in a folder that is removed afterwards.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../setup/setup.mjs';

/** A store of images. Every call throws an Error with the command's last words when it fails. */
export class ImageStore {
  /** @param {string} folder an empty folder */
  constructor(folder) {
    this.folder = folder;
  }

  #buildah(args, options = {}) {
    return command(
      'buildah',
      [
        '--root',
        join(this.folder, 'store'),
        '--runroot',
        join(this.folder, 'run'),
        '--storage-driver',
        'vfs',
        ...args,
      ],
      options,
    );
  }

  /** A base of Debian's smallest system and the Node that runs this program, with its npm. */
  makeBase(name) {
    const tar = join(this.folder, 'debian.tar');
    command('mmdebstrap', [
      '--variant=minbase',
      '--include=ca-certificates',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      'bookworm',
      tar,
    ]);
    const rootfs = join(this.folder, 'debian');
    mkdirSync(rootfs);
    command('tar', ['-xf', tar, '-C', rootfs]);
    const bin = join(rootfs, 'usr/local/bin');
    copyFileSync(realpathSync(process.execPath), join(bin, 'node'));
    const npm = dirname(dirname(realpathSync(command('which', ['npm']).trim())));
    const lib = join(rootfs, 'usr/local/lib/node_modules');
    mkdirSync(lib, { recursive: true });
    cpSync(npm, join(lib, 'npm'), { recursive: true });
    command('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm')]);
    // Certificates and npm settings that this host needs to reach the packages.
    const trusted = '/etc/ssl/certs/ca-certificates.crt';
    const certificates = process.env.NODE_EXTRA_CA_CERTS ?? trusted;
    if (existsSync(certificates)) copyFileSync(certificates, join(rootfs, trusted));
    const npmrc = join(homedir(), '.npmrc');
    if (existsSync(npmrc)) copyFileSync(npmrc, join(rootfs, 'root/.npmrc'));
    writeFileSync(
      join(this.folder, 'Base'),
      `FROM scratch\nCOPY debian /\nENV NODE_EXTRA_CA_CERTS=${trusted}\n`,
    );
    this.#buildah([
      'bud',
      '--format',
      'docker',
      '-f',
      join(this.folder, 'Base'),
      '-t',
      name,
      this.folder,
    ]);
    command('rm', ['-rf', rootfs, tar]);
  }

  /** Builds one target of docker/Dockerfile. */
  build(target, base, name) {
    this.#buildah(
      [
        'bud',
        '--layers',
        '--format',
        'docker',
        '--isolation',
        'chroot',
        '--network',
        'host',
        '--file',
        join(root, 'docker/Dockerfile'),
        '--build-arg',
        `BASE=${base}`,
        '--target',
        target,
        '--tag',
        name,
        root,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  }

  /** What the image says of itself, in docker's form. */
  inspect(name) {
    return JSON.parse(this.#buildah(['inspect', '--type', 'image', name])).Docker.config;
  }

  /** Unpacks an image. @returns {string} folder of its root file system */
  unpack(name) {
    const container = this.#buildah(['from', '--pull-never', name]).trim();
    return this.#buildah(['mount', container]).trim();
  }
}

/** Runs a program to its end. @returns {string} its standard output */
export function command(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const words = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-15);
    throw new Error(`${program} ${args.join(' ')} failed:\n${words.join('\n')}`);
  }
  return result.stdout;
}
