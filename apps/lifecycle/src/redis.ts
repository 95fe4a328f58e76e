import { readFileSync } from 'node:fs';

import { messageOf } from '@runtime-bridge/base';
import { ExitCode, ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import type { RedisConnectionOptions } from '@runtime-bridge/tx-queue';

import type { LifecycleSettings } from './settings.js';

/**
 * How to connect to the queue in Redis; undefined where there is none.
 * @throws ServiceError BAD_SETTINGS when the certificate cannot be read
 */
export function redisOf({
  redisEndpoint: url,
  redisCaFile,
}: Pick<LifecycleSettings, 'redisEndpoint' | 'redisCaFile'>): RedisConnectionOptions | undefined {
  if (url === undefined) return undefined;
  if (redisCaFile === undefined) return { url };
  try {
    return { url, tls: { ca: readFileSync(redisCaFile, 'utf8') } };
  } catch (error) {
    throw new ServiceError(
      ServiceErrorCode.BAD_SETTINGS,
      `PHALA_Q_REDIS_CA_FILE cannot be read: ${messageOf(error)}`,
      { facts: { exitCode: ExitCode.BAD_SETTINGS, path: redisCaFile }, cause: error },
    );
  }
}
