import ts from 'typescript';

/** One error code as its source says it. */
export interface CodeFact {
  code: string;
  meaning: string;
}

/** One metric as its source says it. */
export interface MetricFact {
  /** Name; `{chain}` stands for a part that is filled in at run time. */
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: readonly string[];
}

/** The codes of every `export const …ErrorCode = {…} as const` in a source file. */
export function errorCodes(file: string, text: string): CodeFact[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: CodeFact[] = [];
  visit(source, (node) => {
    if (!ts.isVariableDeclaration(node) || !node.name.getText(source).endsWith('ErrorCode')) return;
    const value = node.initializer;
    const literal = value && ts.isAsExpression(value) ? value.expression : value;
    if (!literal || !ts.isObjectLiteralExpression(literal)) return;
    for (const property of literal.properties) {
      if (!ts.isPropertyAssignment(property) || !ts.isStringLiteral(property.initializer)) continue;
      const comments = ts.getJSDocCommentsAndTags(property);
      const meaning = comments
        .map((comment) => ts.getTextOfJSDocComment(comment.comment) ?? '')
        .join(' ')
        .replaceAll(/\s+/g, ' ')
        .trim();
      found.push({ code: property.initializer.text, meaning });
    }
  });
  return found;
}

const KINDS: readonly string[] = ['counter', 'gauge', 'histogram'];

/** The metrics that a source file creates. */
export function metrics(file: string, text: string): MetricFact[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: MetricFact[] = [];
  visit(source, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const kind = node.expression.name.text;
    const [options] = node.arguments;
    if (!KINDS.includes(kind) || !options || !ts.isObjectLiteralExpression(options)) return;
    const name = textOf(propertyOf(options, 'name'));
    const help = textOf(propertyOf(options, 'help'));
    if (name === undefined || help === undefined) return;
    const labels = propertyOf(options, 'labels');
    found.push({
      name,
      kind: kind as MetricFact['kind'],
      help,
      labels:
        labels && ts.isArrayLiteralExpression(labels)
          ? labels.elements.map((one) => textOf(one) ?? one.getText(source))
          : [],
    });
  });
  return found;
}

function propertyOf(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const property = object.properties.find(
    (one): one is ts.PropertyAssignment =>
      ts.isPropertyAssignment(one) && one.name.getText() === name,
  );
  return property?.initializer;
}

function textOf(node: ts.Expression | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return (
      node.head.text +
      node.templateSpans
        .map((span) => `{${lastWord(span.expression)}}${span.literal.text}`)
        .join('')
    );
  }
  return undefined;
}

function lastWord(node: ts.Expression): string {
  return /[A-Za-z]+$/.exec(node.getText())?.[0] ?? 'part';
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}
