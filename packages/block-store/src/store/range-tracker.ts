import type { RangeEnd } from '../rows/range-end.js';

/**
 * Which ranges can be served: those whose para headers are stored. Holds the ends that wait for para blocks, in order.
 */
export class RangeTracker {
  readonly #unbuilt: RangeEnd[] = [];
  #builtHeight: number;
  #sealedHeight: number;

  /** @param genesisHeight what is built and sealed while there is no range */
  constructor(genesisHeight: number) {
    this.#builtHeight = genesisHeight;
    this.#sealedHeight = genesisHeight;
  }

  /** The last end of which all para headers are stored. */
  get builtHeight(): number {
    return this.#builtHeight;
  }

  /** The last header that closed a window and is built. */
  get sealedHeight(): number {
    return this.#sealedHeight;
  }

  /** Ends that wait for para blocks, lowest first. */
  get unbuilt(): readonly RangeEnd[] {
    return this.#unbuilt;
  }

  /** Notes the end of a range that was stored. */
  addEnd(end: RangeEnd, paraHeight: number): void {
    this.#unbuilt.push(end);
    this.advance(paraHeight);
  }

  /** Notes that para blocks are stored up to a height. */
  advance(paraHeight: number): void {
    let built = 0;
    for (const end of this.#unbuilt) {
      if (end.paraNumber > paraHeight) break;
      this.#builtHeight = end.height;
      if (end.changesSet) this.#sealedHeight = end.height;
      built += 1;
    }
    if (built > 0) this.#unbuilt.splice(0, built);
  }
}
