/** A piece of HTML that is safe to put in a page. */
export class SafeHtml {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

type Piece = string | number | SafeHtml | undefined | readonly Piece[];

/** Makes HTML of a template: what is filled in is escaped, unless it is HTML made the same way; lists are joined. */
export function html(texts: TemplateStringsArray, ...pieces: Piece[]): SafeHtml {
  return new SafeHtml(
    texts.map((text, i) => text + (i < pieces.length ? render(pieces[i]) : '')).join(''),
  );
}

function render(piece: Piece): string {
  if (piece === undefined) return '';
  if (piece instanceof SafeHtml) return piece.text;
  if (typeof piece === 'object') return piece.map(render).join('');
  return String(piece).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
