// npm run build: compiles everything that has changed.
import { build } from './setup.mjs';

build();
