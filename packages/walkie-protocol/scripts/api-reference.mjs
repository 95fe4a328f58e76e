// Writes api.md: everything that the package exports, as its declarations and their comments say. Needs a build.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const home = new URL('..', import.meta.url);
const entries = { '.': 'dist/index.d.ts', './testing': 'dist/testing/index.d.ts' };
const paths = Object.values(entries).map((path) => fileURLToPath(new URL(path, home)));
const program = ts.createProgram(paths, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
});
const checker = program.getTypeChecker();
const lines = ['# API of @runtime-bridge/walkie-protocol', '', 'Generated from the types.', ''];
let undocumented = 0;

for (const [index, entry] of Object.keys(entries).entries()) {
  const source = program.getSourceFile(paths[index]);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${paths[index]} is not there: build the package first`);
  lines.push(`## ${entry}`, '');
  const symbols = checker
    .getExportsOfModule(module)
    .map((symbol) =>
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    )
    .sort((a, b) => a.name.localeCompare(b.name));
  for (const symbol of symbols) {
    const about = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    const tags = symbol
      .getJsDocTags(checker)
      .map(({ name, text }) => `- *${name}* ${ts.displayPartsToString(text)}`);
    const declarations = symbol.declarations ?? [];
    const isGenerated = declarations.every((one) => one.getSourceFile().fileName.includes('/gen/'));
    if (about === '' && !isGenerated) {
      console.error(`${symbol.name} says nothing of itself`);
      undocumented += 1;
    }
    lines.push(`### ${symbol.name}`, '', about, ...tags, '', '```ts');
    for (const one of declarations) {
      lines.push(one.getText().replace(/^ +private readonly .*\n/gm, ''));
    }
    lines.push('```', '');
  }
}
writeFileSync(new URL('api.md', home), lines.join('\n'));
console.log(`api.md: ${lines.filter((line) => line.startsWith('### ')).length} exports`);
process.exitCode = undocumented === 0 ? 0 : 1;
