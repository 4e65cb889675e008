/**
 * Builds the program that hunts one mutant: the same sources as ever, compiled by esbuild, with
 * the patch applied to its file as that file is loaded. Nothing on disk changes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type * as esbuild from 'esbuild';
import { packageDirectory } from '../../reports/packageDirectory';
import { applyPatch } from './mutant';
import type { Patch } from './mutant';

export const ROOT = packageDirectory();
export const ZOO_DIRECTORY = join(ROOT, 'properties', 'mutants', 'zoo');

/** Whether the sources are here: an installed package has none to patch. */
export function hasSources(): boolean {
  return existsSync(join(ROOT, 'properties', 'mutants', 'hunt.ts'));
}

/** The patched source of a file; throws when a text is not found exactly once. */
export function patchedSource(patch: Patch, file: string): string {
  let source: string;
  try {
    source = readFileSync(join(ROOT, file), 'utf8');
  } catch (error) {
    throw new Error(`mutant ${patch.id}: there is no ${file}`, { cause: error });
  }
  return applyPatch(patch, file, source);
}

/** Throws unless every edit of the patch still fits. */
export function assertApplies(patch: Patch): void {
  for (const { file } of patch.edits) patchedSource(patch, file);
}

/** Loaded only when something is built: an installed package does not have it. */
function builder(): typeof esbuild {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded lazily, on purpose
  return require('esbuild') as typeof esbuild;
}

/** Code of a CommonJS module: `entry` and all it needs, with the patch if there is one. */
export async function bundle(entry: string, patch: Patch | undefined): Promise<string> {
  if (patch !== undefined) assertApplies(patch);
  const files = new Set(patch?.edits.map(({ file }) => file));
  const loaded = new Set<string>();
  const result = await builder().build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    write: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'mutant',
        setup(build) {
          if (patch === undefined) return;
          build.onLoad({ filter: /\.ts$/ }, (args) => {
            const file = relative(ROOT, args.path).split(sep).join('/');
            if (!files.has(file)) return undefined;
            loaded.add(file);
            return { contents: patchedSource(patch, file), loader: 'ts' };
          });
        },
      },
    ],
  });
  for (const file of files) {
    if (loaded.has(file)) continue;
    throw new Error(`mutant ${patch?.id}: ${file} is not part of what ${entry} runs`);
  }
  return result.outputFiles[0]!.text;
}
