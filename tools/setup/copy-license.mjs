// Puts the licence beside a package's manifest, where npm takes it into the tarball. Run by `prepack` of each package.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

copyFileSync(
  fileURLToPath(new URL('../../LICENSE', import.meta.url)),
  join(process.cwd(), 'LICENSE'),
);
