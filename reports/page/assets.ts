/**
 * The parts of the page that are files of their own: style and scripts, and uPlot from its
 * package. They are put into each document, so that it needs nothing beside it.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { packageDirectory } from '../packageDirectory';

/** In the order in which they must run. */
const scripts = [
  'data.js',
  'view.js',
  'picture.js',
  'charts.js',
  'timeline.js',
  'page.js',
] as const;

export type PageScript = (typeof scripts)[number];

function pageFile(name: string): string {
  return readFileSync(join(packageDirectory(), 'reports', 'page', name), 'utf8');
}

export function pageStyle(): string {
  return pageFile('page.css');
}

export function pageScripts(): string {
  return scripts.map(pageFile).join('\n');
}

/** uPlot's own files, found where the package manager put them. */
export function uPlotFiles(): { readonly script: string; readonly style: string } {
  const entry = require.resolve('uplot');
  const directory = dirname(entry);
  return {
    script: readFileSync(join(directory, 'uPlot.iife.min.js'), 'utf8'),
    style: readFileSync(join(directory, 'uPlot.min.css'), 'utf8'),
  };
}
