/**
 * Lines of comma separated values as RFC 4180 has them.
 * @returns cells with the number of the line that each record begins in; undefined cells for a quote that is not closed
 */
export function parseCsv(text: string): { line: number; cells: string[] | undefined }[] {
  const records: { line: number; cells: string[] | undefined }[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const cells: string[] = [];
    const begin = line;
    for (;;) {
      const cell = text[at] === '"' ? quoted(text, at) : plain(text, at);
      if (!cell) return [...records, { line: begin, cells: undefined }];
      cells.push(cell.value);
      line += count(cell.value, '\n');
      at = cell.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    line += 1;
    if (cells.length > 1 || cells[0] !== '') records.push({ line: begin, cells });
  }
  return records;
}

/** Records as lines; a cell is quoted where it has to be. */
export function formatCsv(records: readonly (readonly string[])[]): string {
  const cell = (value: string) =>
    /[",\r\n\ufeff]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  return records.map((record) => `${record.map(cell).join(',')}\n`).join('');
}

interface Cell {
  value: string;
  end: number;
}

function quoted(text: string, start: number): Cell | undefined {
  let value = '';
  for (let at = start + 1; ;) {
    const close = text.indexOf('"', at);
    if (close < 0) return undefined;
    value += text.slice(at, close);
    if (text[close + 1] !== '"') {
      const end = close + 1;
      return end === text.length || /[,\r\n]/.test(text[end]!) ? { value, end } : undefined;
    }
    value += '"';
    at = close + 2;
  }
}

function plain(text: string, start: number): Cell {
  const stop = /[,\r\n]/g;
  stop.lastIndex = start;
  const end = stop.exec(text)?.index ?? text.length;
  return { value: text.slice(start, end), end };
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}
