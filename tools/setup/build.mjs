// npm run build: compiles what has changed and bundles the dashboard's pages.
import { build } from './setup.mjs';

build();
