/** What one history may cost, from the words of the command line. Errors name option and value. */
import { UsageError } from '../usageError';

export interface LimitWords {
  readonly budgetMs: string;
  readonly memoryMib?: string | undefined;
  readonly nodesMax?: string | undefined;
  readonly threads?: string | undefined;
}

export interface Limits {
  readonly budgetMs: number;
  readonly bytesMax?: number;
  readonly nodesMax?: number;
  readonly threads?: number;
}

const mib = 1024 * 1024;
const threadsMax = 64;

export function limitsOf({ budgetMs, memoryMib, nodesMax, threads }: LimitWords): Limits {
  return {
    budgetMs: positive('--budget-ms', budgetMs),
    ...(memoryMib === undefined
      ? {}
      : { bytesMax: Math.round(positive('--memory-mib', memoryMib) * mib) }),
    ...(nodesMax === undefined ? {} : { nodesMax: Math.round(positive('--nodes-max', nodesMax)) }),
    ...(threads === undefined ? {} : { threads: threadCount(threads) }),
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${option} is no positive number: ${text}`);
}

function threadCount(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= threadsMax) return value;
  throw new UsageError(`--threads is no integer from 0 to ${threadsMax}: ${text}`);
}
