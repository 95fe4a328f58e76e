import type { ApiFailure } from '../../../src/api/contract.js';

/** A request of the dashboard that the monitor refused, or that did not reach it. */
export class ApiError extends Error {
  /** As in the contract's failures; `OFFLINE` when there was no answer at all. */
  readonly code: string;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  readonly remedy: string | undefined;
  /** The field of a form that is wrong, such as `stake`. */
  readonly field: string | undefined;
  /** Which entry of a list it is about, from 0. */
  readonly index: number | undefined;
  readonly retryAfterSec: number | undefined;

  constructor(status: number, error: ApiFailure['error'], options?: ErrorOptions) {
    super(error.message, options);
    this.name = 'ApiError';
    this.code = error.code;
    this.status = status;
    this.remedy = error.remedy;
    this.field = error.field;
    this.index = error.index;
    this.retryAfterSec = error.retryAfterSec;
  }
}

/** What a request may carry besides its path. */
export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: unknown;
  signal?: AbortSignal;
}

/** A slower answer counts as none. */
const REQUEST_TIMEOUT_MS = 45_000;

/** Told of every answer that says nobody is logged in, so that the page can ask. */
type OnLoginNeeded = () => void;
let onLoginNeeded: OnLoginNeeded = () => {};

/** Registers who is told when the session has ended; one at a time. */
export function whenLoginIsNeeded(tell: OnLoginNeeded): void {
  onLoginNeeded = tell;
}

/** A request for JSON. @throws ApiError; AbortError when the signal fires */
export async function callApi<T>(path: string, request: ApiRequest = {}): Promise<T> {
  const text = await callForText(path, request);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** The same for answers that are no JSON, such as an export. @throws ApiError */
export async function callForText(path: string, request: ApiRequest = {}): Promise<string> {
  const { method = 'GET', body, signal } = request;
  const deadline = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(path + queryOf(request.query), {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return text;
    throw failureOf(response.status, text);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ApiError(
      0,
      {
        code: 'OFFLINE',
        message: deadline.aborted
          ? 'The monitor did not answer in time'
          : 'The monitor cannot be reached',
        remedy: 'See that the monitor runs and that this computer reaches it; then try again.',
      },
      { cause: error },
    );
  }
}

/** What a failure should be called before a person. */
export function describeError(error: unknown): { title: string; remedy: string | undefined } {
  if (error instanceof ApiError) return { title: error.message, remedy: error.remedy };
  return { title: error instanceof Error ? error.message : String(error), remedy: undefined };
}

function failureOf(status: number, text: string): ApiError {
  let failure: ApiFailure['error'] | undefined;
  try {
    failure = (JSON.parse(text) as Partial<ApiFailure>).error;
  } catch {
    // Not from the API: a proxy in between, perhaps.
  }
  const error = new ApiError(
    status,
    failure ?? { code: 'UNEXPECTED', message: `The monitor answered with status ${status}` },
  );
  if (error.code === 'LOGIN_NEEDED') onLoginNeeded();
  return error;
}

function queryOf(query: ApiRequest['query'] = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
