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

/** Exported symbols by entry, under the names that importers write. */
const exportsByEntry = new Map(
  Object.keys(entries).map((entry, index) => {
    const source = program.getSourceFile(paths[index]);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`${paths[index]} is not there: build the package first`);
    const named = checker.getExportsOfModule(module).map((one) => [one.name, targetOf(one)]);
    return [entry, named.sort(([a], [b]) => a.localeCompare(b))];
  }),
);
const publicNames = new Map(
  [...exportsByEntry.values()].flat().map(([name, symbol]) => [symbol, name]),
);
const problems = [];
const lines = ['# API of @runtime-bridge/walkie-protocol', '', 'Generated from the types.', ''];

for (const [entry, named] of exportsByEntry) {
  lines.push(`## ${entry}`, '');
  for (const [name, symbol] of named) {
    const about = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    const tags = symbol
      .getJsDocTags(checker)
      .map((tag) => `- *${tag.name}* ${ts.displayPartsToString(tag.text)}`);
    const declarations = symbol.declarations ?? [];
    const isGenerated = declarations.every((one) => one.getSourceFile().fileName.includes('/gen/'));
    if (about === '' && !isGenerated) problems.push(`${name} says nothing of itself`);
    if (declarations.length === 0) problems.push(`${name} has no declaration`);
    lines.push(`### ${name}`, '', rename(about, symbol.name, name), ...tags, '', '```ts');
    for (const one of declarations) {
      lines.push(publicTextOf(one).replace(/^ +private readonly .*\n/gm, ''));
    }
    lines.push('```', '');
  }
}
const text = lines.join('\n');
const code = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)]
  .map(([, block]) => block.replace(/\/\*[^]*?\*\//g, ''))
  .join('\n');
for (const [symbol, name] of publicNames) {
  if (!lines.includes(`### ${name}`)) problems.push(`${name} has no entry`);
  if ([...publicNames.values()].includes(symbol.name)) continue;
  if (new RegExp(`(?<![\\w.])${symbol.name}(?!\\w)`).test(code)) {
    problems.push(`${symbol.name} is called so, and exported as ${name}`);
  }
}
writeFileSync(new URL('api.md', home), text);
console.log(`api.md: ${lines.filter((line) => line.startsWith('### ')).length} exports`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function targetOf(symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** A declaration in which what is exported under another name goes by that. */
function publicTextOf(declaration) {
  const start = declaration.getStart();
  let text = declaration.getText();
  const edits = [];
  const visit = (node) => {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const name = symbol && publicNames.get(targetOf(symbol));
      if (name !== undefined && name !== node.text) edits.push([node, name]);
    }
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  for (const [node, name] of edits.reverse()) {
    text = text.slice(0, node.getStart() - start) + name + text.slice(node.getEnd() - start);
  }
  return text;
}

/** Prose of the code generator, which knows the inner name only. */
function rename(prose, inner, name) {
  return prose.replaceAll(`create(${inner})`, `create(${name})`);
}
