import type { SettingsSchema } from '@runtime-bridge/service-kit';
import type { SettingsInfo } from './api/index.js';

/** The settings in force, for the dashboard. Of secrets it is only told whether they are set. */
export function describeSettings(
  schema: SettingsSchema,
  values: Readonly<Record<string, unknown>>,
): SettingsInfo['settings'] {
  return Object.entries(schema).map(([name, setting]) => {
    const value = values[name];
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined;
    const absent = setting.absent === 'required' ? undefined : setting.absent.value;
    return {
      env: setting.env,
      value: setting.secret === true ? (isSet ? 'set' : 'not set') : textOf(value),
      description: setting.description,
      isDefault: textOf(value) === textOf(absent),
    };
  });
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join(',');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // URLs may carry a password.
  return text.replace(/\/\/[^/@]*@/g, '//***@');
}
