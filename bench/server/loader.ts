/** The load generator as seen from the bench: jobs in, results out, one at a time. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Job, JobResult } from './load';

type Answer = { readonly result: JobResult } | { readonly error: string };

export class Loader {
  private readonly child: ChildProcess = fork(join(__dirname, 'load.ts'), {
    execArgv: ['-r', 'esbuild-register'],
  });

  run(job: Job): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const gone = (code: number | null): void =>
        reject(new Error(`the load generator ended with ${code} during ${job.case}`));
      this.child.once('exit', gone);
      this.child.once('message', (answer: Answer) => {
        this.child.off('exit', gone);
        if ('result' in answer) resolve(answer.result);
        else reject(new Error(`${job.case}: ${answer.error}`));
      });
      this.child.send(job);
    });
  }

  close(): void {
    this.child.kill();
  }
}
