/**
 * The load generator: a process of its own that runs one job at a time and says what it saw.
 *
 * Clients are closed loops: each sends its next request when it has the answer to the one before.
 * The first second (or what the job says) warms up and does not count.
 */
import { build, type Histogram } from 'hdr-histogram-js';
import { CASES, FILL, type Case, type UnaryCase } from './cases';
import { GrpcConnection } from './grpcConnection';
import { fanOut } from './watchLoad';

export interface Job {
  /** A name in CASES, or `fill` to write all keys once. */
  readonly case: string;
  readonly urls: readonly string[];
  readonly connections: number;
  readonly warmUpMs: number;
  readonly runMs: number;
  readonly seed: number;
}

export interface JobResult {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of this process over the time that counts: 1 is one core. */
  readonly cores: number;
}

/** Counts what completes between the end of the warm-up and the end of the run. */
export class Meter {
  private readonly histogram: Histogram = build({ lowestDiscernibleValue: 1 });
  private readonly from: number;
  readonly until: number;
  private operations = 0;
  private cpu = process.cpuUsage();
  private counting = false;

  constructor({ warmUpMs, runMs }: Job) {
    this.from = performance.now() + warmUpMs;
    this.until = this.from + runMs;
  }

  /** An operation that began at `startMs` is complete. */
  done(startMs: number): void {
    const now = performance.now();
    if (now < this.from || now > this.until) return;
    if (!this.counting) {
      this.counting = true;
      this.cpu = process.cpuUsage();
    }
    this.operations++;
    this.histogram.recordValue(Math.max(1, Math.round((now - startMs) * 1000)));
  }

  result(): JobResult {
    const elapsedMs = this.until - this.from;
    const { user, system } = process.cpuUsage(this.cpu);
    return {
      operations: this.operations,
      elapsedMs,
      p50Ms: this.histogram.getValueAtPercentile(50) / 1000,
      p99Ms: this.histogram.getValueAtPercentile(99) / 1000,
      cores: (user + system) / 1000 / elapsedMs,
    };
  }
}

/** Small, fast and the same for each target of a round. */
function draws(seed: number): (n: number) => number {
  let state = seed >>> 0 || 1;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * n);
  };
}

async function closedLoops(job: Job, unary: UnaryCase, links: readonly GrpcConnection[]) {
  const requests = unary.requests();
  const draw = draws(job.seed);
  const meter = new Meter(job);
  await Promise.all(
    Array.from({ length: unary.clients }, (_, client) => {
      const link = links[client % links.length]!;
      return new Promise<void>((resolve, reject) => {
        const next = (): void => {
          const startMs = performance.now();
          if (startMs > meter.until) return resolve();
          link.unary(unary.path, requests[draw(requests.length)]!, (error) => {
            if (error !== undefined) return reject(error);
            meter.done(startMs);
            next();
          });
        };
        next();
      });
    }),
  );
  return meter.result();
}

async function fill(job: Job, links: readonly GrpcConnection[]): Promise<JobResult> {
  const meter = new Meter(job);
  const requests = FILL.requests();
  let at = 0;
  await Promise.all(
    Array.from({ length: FILL.clients }, (_, client) => {
      const link = links[client % links.length]!;
      return new Promise<void>((resolve, reject) => {
        const next = (): void => {
          const request = requests[at++];
          if (request === undefined) return resolve();
          link.unary(FILL.path, request, (error) => (error === undefined ? next() : reject(error)));
        };
        next();
      });
    }),
  );
  return meter.result();
}

async function run(job: Job): Promise<JobResult> {
  const which: Case | undefined = job.case === 'fill' ? FILL : CASES[job.case];
  if (which === undefined) throw new Error(`there is no case ${job.case}`);
  // Never fewer connections than members: each has clients of its own.
  const count = which.kind === 'unary' ? Math.min(which.clients, job.connections) : job.connections;
  const links = await Promise.all(
    Array.from({ length: count }, (_, i) => GrpcConnection.open(job.urls[i % job.urls.length]!)),
  );
  try {
    if (job.case === 'fill') return await fill(job, links);
    if (which.kind === 'watch') return await fanOut(new Meter(job), which, links);
    return await closedLoops(job, which, links);
  } finally {
    for (const link of links) link.close();
  }
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send!({ result }),
    (error: unknown) => process.send!({ error: String(error) }),
  );
});
