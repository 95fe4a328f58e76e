import type { FastifyRequest } from 'fastify';
import { apiLimits } from '../api/index.js';
import { ApiError } from '../desk/api-error.js';
import type { Page } from '../desk/lookup-desk.js';

const MAX_TEXT = 10_000;

/** Parameters behind the question mark, each once, checked. */
export class Query {
  readonly #values: Record<string, unknown>;

  constructor(request: FastifyRequest) {
    this.#values = request.query as Record<string, unknown>;
  }

  /** @throws ApiError BAD_REQUEST */
  text(name: string): string {
    const value = this.#values[name];
    if (value === undefined) return '';
    if (typeof value !== 'string' || value.length > MAX_TEXT) {
      throw ApiError.badRequest(`${name} has to be one text`, name);
    }
    return value;
  }

  /** Items separated by commas. @throws ApiError BAD_REQUEST */
  list(name: string): string[] {
    return this.text(name)
      .split(',')
      .filter((item) => item !== '');
  }

  /** @throws ApiError BAD_REQUEST */
  whole(name: string, absent: number, max = Number.MAX_SAFE_INTEGER): number {
    const text = this.text(name);
    if (text === '') return absent;
    const value = Number(text);
    if (!/^\d{1,16}$/.test(text) || value > max) {
      throw ApiError.badRequest(`${name} has to be a whole number up to ${max}`, name);
    }
    return value;
  }

  /** @throws ApiError BAD_REQUEST */
  page(): Page {
    const { maxPage, defaultPage } = apiLimits;
    return {
      beforeMs: this.whole('beforeMs', Infinity),
      limit: Math.max(1, this.whole('limit', defaultPage, maxPage)),
    };
  }
}
