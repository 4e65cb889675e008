/**
 * Images by name: the ones this repository builds (.ci/dockerImages), and how a foreign one is
 * told to run a member.
 */
import { TargetError } from '../target';
import { imageMissing } from './pod';
import { hasImage, type ContainerRuntime } from './runtime';

/** Built from this repository's Dockerfile. */
export const referenceImage = 'raft-crucible/reference';
/** Built from Debian's etcd packages where no registry is at hand. */
export const localEtcdImage = 'raft-crucible/etcd';
/** Busybox with iptables. */
const ownPodImage = 'raft-crucible/pod';
/** What serves as a pod where ours has not been built; links are then cut by ARP. */
const publicPodImage = 'busybox:1.36';

/** A pull of a large image on a slow line. */
const pullLimitMs = 600_000;

/**
 * Sees to it that an image is on the engine's machine.
 * @throws TargetError `notFound` with what to do when it is not there and cannot be pulled.
 */
export async function provideImage(runtime: ContainerRuntime, image: string): Promise<void> {
  const { engine, client, library } = runtime;
  if (await hasImage(engine, image)) return;
  const name = library.ImageName.fromString(image);
  let reason = 'the pull took too long';
  const pulled = client.image.pull(name, { force: true, platform: undefined }).catch((error) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  await Promise.race([pulled, timeout(pullLimitMs)]);
  if (!(await hasImage(engine, image))) throw imageMissing(image, reason);
}

function timeout(limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, limitMs).unref();
  });
}

/** The image for pods: the given one, ours where it was built, or a public one. */
export async function providePodImage(runtime: ContainerRuntime, given?: string): Promise<string> {
  const image =
    given ?? ((await hasImage(runtime.engine, ownPodImage)) ? ownPodImage : publicPodImage);
  try {
    await provideImage(runtime, image);
  } catch (cause) {
    if (given !== undefined) throw cause;
    throw new TargetError(
      'notFound',
      `neither ${ownPodImage} is here nor can ${publicPodImage} be pulled: ` +
        `build the first with .ci/dockerImages pod`,
      { cause },
    );
  }
  return image;
}

/**
 * What to put before the flags, from what the image says of itself. Its default command without
 * the flags in it is the program (`/usr/local/bin/etcd`) or, behind an entry point, a subcommand
 * (`serve`) or nothing; an image that says nothing at all is expected to have etcd on its PATH.
 */
export function programOf(
  entrypoint: readonly string[] | string | null | undefined,
  command: readonly string[] | null | undefined,
): readonly string[] {
  const words = command ?? [];
  const firstFlag = words.findIndex((word) => word.startsWith('-'));
  const program = firstFlag < 0 ? words : words.slice(0, firstFlag);
  const hasEntrypoint = (entrypoint?.length ?? 0) > 0;
  return program.length === 0 && !hasEntrypoint ? ['etcd'] : program;
}

/** `programOf` for an image that is on the engine's machine. */
export async function programOfImage(
  runtime: ContainerRuntime,
  image: string,
): Promise<readonly string[]> {
  const { Config } = await runtime.engine.getImage(image).inspect();
  return programOf(Config.Entrypoint, Config.Cmd);
}
