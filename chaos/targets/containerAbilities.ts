/** What can be done to containers, and why the rest cannot. */
import type { PodTools } from '../containers/pod';
import { abilitiesOf, type Abilities } from './processAbilities';

const noDisk = 'containers share the disk of the engine; run the members as processes as root';

/** @param tools what a pod was found to be able to; without it the best is assumed. */
export function containerAbilities(
  { partitions = true }: { readonly partitions?: boolean },
  tools?: PodTools,
): Abilities {
  const noRight = partitions ? undefined : 'the pods were not given NET_ADMIN';
  const found = <Value>(value: Value | undefined, reason: string): string | undefined =>
    noRight ?? (tools !== undefined && !value ? reason : undefined);
  const noNetem = found(tools?.hasNetem, 'the kernel has no netem');
  const canLose = tools?.hasNetem === true || tools?.cutter?.lose !== undefined;
  return abilitiesOf({
    ...{ kill: undefined, stop: undefined, pause: undefined },
    ...{ rejoin: undefined, maintenance: undefined, cpu: undefined },
    partition: found(tools?.cutter, 'the pods have no means to cut links'),
    reset: 'nothing stands between containers that could break their connections',
    bandwidth: found(tools?.canSlow, 'the kernel has no classes for traffic (htb, u32)'),
    loss: found(canLose, 'the kernel has neither netem nor a filter that drops at random'),
    ...{ delay: noNetem, duplicate: noNetem, reorder: noNetem },
    ...{ disk: noDisk, slowDisk: noDisk },
    memory: 'an engine refuses limits below what a container uses; run the members as processes',
    clock: 'a container has the clock of its machine',
  });
}
