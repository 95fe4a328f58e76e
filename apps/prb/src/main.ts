#!/usr/bin/env node
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { SharedSecret, WalkieNode, WalkieRoles } from '@runtime-bridge/walkie-protocol';
import { run } from './program.js';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());
// A reader such as `head` may have seen enough.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await run(
  process.argv.slice(2),
  {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    isTty: process.stdout.isTTY,
    environment: process.env,
    readFile: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    writeFile: (path, content) => writeFile(path, content, { mode: 0o600 }),
    signal: interrupted.signal,
  },
  async ({ boot, mdns, psk }) =>
    new WalkieNode(
      {
        role: WalkieRoles.WR_CLIENT,
        privateKey: await generateKeyPair('Ed25519'),
        chainIdentity: 'client',
        bridgeIdentity: 'client',
        hostname: hostname(),
        listenAddresses: [],
        bootNodes: boot,
        mdns,
        secret: psk === undefined ? undefined : SharedSecret.parse(psk),
      },
      { logger: silentLogger, metrics: silentMetrics },
    ),
);
