// npm run devnet: sets up what is missing, then hands over to the compiled dev network.
import { join } from 'node:path';
import { build, checkNode, installDependencies, root } from '../setup/setup.mjs';

checkNode();
installDependencies();
build();
await import(join(root, 'tools/devnet/dist/main.js'));
