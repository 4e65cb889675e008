/**
 * Runs etcd-io/raft's scripts and our own against the core, and prints one line for each file.
 * The last line is 'N files passed, N failed, N directives'; the exit code is 1 if any failed.
 */
import { explain, findScripts, ownScripts, runFile, scriptFolder } from './scripts';

/** Mismatches shown of one file: the first one usually causes the others. */
const SHOWN_MAX = 3;

function main(): number {
  const folder = scriptFolder();
  const theirs = findScripts(folder);
  if (theirs.length === 0) {
    console.log(`skipped: no etcd-raft scripts in ${folder} (set ETCD_RAFT_TESTDATA)`);
  }
  let passed = 0;
  let failed = 0;
  let directives = 0;
  for (const script of [...theirs, ...ownScripts()]) {
    const outcome = runFile(script);
    directives += outcome.directives;
    if (outcome.error !== undefined) {
      failed++;
      console.log(`FAILED  ${script.name} (${outcome.error})`);
      continue;
    }
    if (outcome.mismatches.length === 0) {
      passed++;
      console.log(`ok      ${script.name} (${outcome.directives})`);
      continue;
    }
    failed++;
    console.log(`FAILED  ${script.name} (${outcome.mismatches.length}/${outcome.directives})`);
    for (const mismatch of outcome.mismatches.slice(0, SHOWN_MAX)) {
      console.log(explain(script, mismatch));
    }
  }
  console.log(`${passed} files passed, ${failed} failed, ${directives} directives`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
