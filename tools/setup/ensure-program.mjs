// Makes sure that a program is there: node tools/setup/ensure-program.mjs <program> <Debian package>
import { ensureProgram, fail } from './setup.mjs';

const [program, debianPackage = program] = process.argv.slice(2);
if (program === undefined) fail('Name a program.');
const missing = ensureProgram(program, debianPackage);
if (missing !== undefined) fail(missing);
