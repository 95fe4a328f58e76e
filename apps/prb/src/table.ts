/** One column: its title, and whether its cells are numbers. */
export interface Column {
  title: string;
  right?: boolean;
  /** Longer cells are cut, so that a row stays on its line. */
  maxWidth?: number;
}

/** Aligned lines under a title line; nothing but spaces between columns, so that `awk` can read them too. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const cells = rows.map((row) =>
    columns.map(({ maxWidth = 60 }, i) => cut(oneLine(row[i] ?? ''), maxWidth)),
  );
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, i) =>
    [titles, ...cells].reduce((width, row) => Math.max(width, row[i]!.length), 0),
  );
  return [titles, ...cells].map((row) =>
    row
      .map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** What a peer said must not steer the terminal. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
/** Colours a text, or leaves it where nobody looks at it. */
export type Paint = (text: string, colour: keyof typeof COLOURS) => string;

/** How to paint. */
export function painter(isOn: boolean): Paint {
  return (text, colour) => (isOn ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text);
}
