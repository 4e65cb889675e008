/**
 * The limit of the state's size. A member whose state would outgrow it raises the alarm NOSPACE,
 * which is replicated: from then on no member takes what needs space, until somebody has made
 * room and disarms it. Each member looks at its own state before it proposes, as in etcd.
 */
import { refusals, spaceNeeded, type Command, type Refused } from '../kv';

export const QUOTA_BYTES_DEFAULT = 2 * 1024 ** 3;

export interface QuotaParts {
  readonly limitBytes: number;
  readonly stateBytes: () => number;
}

/** As etcd reads its flag: 0 is the default, less than 0 no limit. */
export function quotaBytes(flag: number): number {
  return flag === 0 ? QUOTA_BYTES_DEFAULT : flag < 0 ? Infinity : flag;
}

export class Quota {
  constructor(private readonly parts: QuotaParts) {}

  get limitBytes(): number {
    return this.parts.limitBytes;
  }

  /** Why there is no room for a command, or undefined. */
  refusal(command: Command): Refused | undefined {
    const { limitBytes, stateBytes } = this.parts;
    const needed = spaceNeeded(command);
    if (needed === 0 || stateBytes() + needed < limitBytes) return undefined;
    return refusals.noSpace();
  }
}
