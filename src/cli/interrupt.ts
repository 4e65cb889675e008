/**
 * Ctrl-C: the first one asks for an orderly end (heal, stop, judge, report), the second one
 * insists and ends the process at once.
 */
import { EXIT } from './exitCodes';

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

export function onInterrupt(say: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const handle = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    say(`${signal}: stopping; what there is will be judged and reported (again: stop at once)`);
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}
