import { useState } from 'react';
import { ApiError } from '../live/api-client.js';

type Faults<T> = Partial<Record<keyof T, string>>;

/** A form whose values are judged while they are typed; a fault shows once its field was left, or all were sent. */
export interface Form<T> {
  readonly values: T;
  set<K extends keyof T>(field: K, value: T[K]): void;
  /** Value, fault and events of a text field. */
  text(field: keyof T & string): {
    value: string;
    error: string | undefined;
    onChange: (event: { currentTarget: { value: string } }) => void;
    onBlur: () => void;
  };
  flag(field: keyof T & string): {
    checked: boolean;
    onChange: (event: { currentTarget: { checked: boolean } }) => void;
  };
  faultOf(field: keyof T): string | undefined;
  readonly isBusy: boolean;
  /** What the monitor refused, where it is about no field. */
  readonly error: unknown;
  /** Sends when nothing is wrong. */
  submit(): Promise<void>;
}

/** @param fieldOf which field a failure of the monitor is about, by its name there */
export function useForm<T extends object>(
  initial: T,
  options: {
    judge: (values: T) => Faults<T>;
    send: (values: T) => Promise<void>;
    fieldOf?: (apiField: string) => keyof T | undefined;
  },
): Form<T> {
  const [values, setValues] = useState(initial);
  const [left, setLeft] = useState<ReadonlySet<keyof T>>(new Set());
  const [isSent, setSent] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [refused, setRefused] = useState<Faults<T>>({});
  const faults = options.judge(values);

  const set = <K extends keyof T>(field: K, value: T[K]) => {
    setValues((last) => ({ ...last, [field]: value }));
    setRefused((last) => ({ ...last, [field]: undefined }));
  };
  const faultOf = (field: keyof T) =>
    refused[field] ?? (isSent || left.has(field) ? faults[field] : undefined);

  return {
    values,
    set,
    faultOf,
    isBusy,
    error,
    text: (field) => ({
      value: String(values[field]),
      error: faultOf(field),
      onChange: ({ currentTarget }) => set(field, currentTarget.value as T[typeof field]),
      onBlur: () => setLeft((last) => new Set(last).add(field)),
    }),
    flag: (field) => ({
      checked: values[field] === true,
      onChange: ({ currentTarget }) => set(field, currentTarget.checked as T[typeof field]),
    }),
    async submit() {
      setSent(true);
      setError(undefined);
      if (Object.values(faults).some((fault) => fault !== undefined)) return;
      setBusy(true);
      try {
        await options.send(values);
      } catch (failure) {
        const field =
          failure instanceof ApiError && failure.field !== undefined
            ? options.fieldOf?.(failure.field)
            : undefined;
        if (field === undefined) setError(failure);
        else setRefused({ [field]: (failure as ApiError).message } as Faults<T>);
      } finally {
        setBusy(false);
      }
    },
  };
}
