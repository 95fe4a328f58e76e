import { parseArgs } from 'node:util';
import { audit } from './audit.js';
import { ChainReader } from './chain-reader.js';
import { parseExpectation } from './expectation.js';

const USAGE = `Looks with @polkadot/api and the workers' own information at whether a bridge has done its job.

  --relay URL             relay chain node (ws://)
  --para URL              parachain node (ws://)
  --worker URL,POOL,STAKE one for each worker: its endpoint, its pool, its stake in 10^-12 PHA
  --hold N                parachain blocks for which all must stay right (20)
  --timeout S             seconds (240)

Exit code 0: content; 1: not content, with the reasons; 2: wrong arguments.
`;

function fail(text: string): never {
  process.stderr.write(`${text}\n\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        relay: { type: 'string' },
        para: { type: 'string' },
        worker: { type: 'string', multiple: true, default: [] },
        hold: { type: 'string', default: '20' },
        timeout: { type: 'string', default: '240' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (values.relay === undefined || values.para === undefined)
      throw new Error('--relay and --para are needed');
    if (values.worker.length === 0) throw new Error('At least one --worker is needed');
    return {
      relay: values.relay,
      para: values.para,
      workers: values.worker.map(parseExpectation),
      holdBlocks: Number(values.hold),
      timeoutMs: Number(values.timeout) * 1000,
    };
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const { relay, para, workers, holdBlocks, timeoutMs } = readArguments();
// The API library reports lost connections on the console by itself; the result is all that counts here.
console.error = () => {};
console.warn = () => {};
const tell = (line: string) => process.stdout.write(`auditor: ${line}\n`);
const timer = setTimeout(() => {
  tell('not content: the chains did not answer in time');
  process.exit(1);
}, timeoutMs + 5000);
const chains = await ChainReader.connect(relay, para);
const result = await audit(
  workers,
  chains,
  { holdBlocks, timeoutMs, allowedLag: 3, pollMs: 1000 },
  tell,
);
clearTimeout(timer);
if (result.content)
  tell(
    `content: everything is as asked, and has been for ${holdBlocks} blocks, at block ${result.atBlock}`,
  );
else tell(`not content:\n  ${result.reasons.join('\n  ')}`);
process.exit(result.content ? 0 : 1);
