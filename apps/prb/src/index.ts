export { createProgram, run, type Terminal } from './program.js';
