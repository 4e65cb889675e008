/** A thread that decides one part of a history after the other. */
import { parentPort } from 'node:worker_threads';
import { Budget, modelNamed } from '../../models';
import { heapUse } from '../runtime/heapUse';
import { encodeVerdict } from './partMessages';
import type { PartOrder, PartReply } from './partMessages';

function decide({ model, part, useDeciders, ...limits }: PartOrder): void {
  const reply = (message: PartReply): void => parentPort!.postMessage(message);
  const budget = new Budget({
    ...limits,
    now: () => performance.now(),
    heap: heapUse,
    onProgress: (progress) => reply({ progress }),
  });
  const verdict = modelNamed(model)!.divide([]).decide(part, budget, useDeciders);
  reply({ verdict: encodeVerdict(part, verdict) });
}

parentPort!.on('message', decide);
