/**
 * The connection to the container engine, through Testcontainers, which finds it wherever it is:
 * DOCKER_HOST, the usual socket, a rootless one, Docker Desktop.
 *
 * The library is loaded when the first container target starts and not before: loading it takes
 * longer than starting a cluster of processes, and most runs never need it.
 */
import { createRequire } from 'node:module';

import type * as Testcontainers from 'testcontainers';

import { TargetError } from '../target';
import { within } from './within';

type Client = Testcontainers.ContainerRuntimeClient;
export type Engine = Client['container']['dockerode'];
export type EngineContainer = ReturnType<Engine['getContainer']>;

export interface ContainerRuntime {
  readonly library: typeof Testcontainers;
  readonly client: Client;
  readonly engine: Engine;
  /** The host at which published ports are reached. */
  readonly host: string;
  /** Whether published ports can be bound to the loopback interface, unseen by other machines. */
  readonly isLocal: boolean;
}

/** The engine may be asked for much at once; longer than this it does not answer. */
const connectLimitMs = 20_000;

function loadTestcontainers(): typeof Testcontainers {
  return createRequire(__filename)('testcontainers') as typeof Testcontainers;
}

/**
 * Connects to the engine.
 * @param load only for tests: how the library is loaded.
 * @throws TargetError `notFound` when none answers, with what to do about it.
 */
export async function connectContainerRuntime(
  load = loadTestcontainers,
): Promise<ContainerRuntime> {
  let library: typeof Testcontainers;
  let client: Client;
  try {
    library = load();
    client = await within(connectLimitMs, 'Docker to answer', library.getContainerRuntimeClient());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TargetError(
      'notFound',
      `Docker does not answer (${reason}). Start the Docker Engine (on Debian, .ci/dockerStart ` +
        `installs and starts it), see that "docker info" works for this user, ` +
        `or run the members as processes (--runtime process)`,
      { cause },
    );
  }
  const { host } = client.info.containerRuntime;
  const isLocal = ['localhost', '127.0.0.1', '::1'].includes(host);
  return {
    library,
    client,
    engine: client.container.dockerode,
    host: isLocal ? '127.0.0.1' : host,
    isLocal,
  };
}

/** Whether an image is on the engine's machine. */
export async function hasImage(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.getImage(image).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** The HTTP status that the engine refused a call with, if it did. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown =
    error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
