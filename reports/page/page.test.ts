import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { chromium, type Browser, type Page } from 'playwright-core';

import type { FaultRecord, Operation } from '../../src/history';
import type { RunReport } from '../runReport';
import { sampleReport } from '../testing';
import { writeReports } from '../writeReports';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser']
  .concat(process.env['CHROMIUM'] ?? [])
  .find(existsSync);

const operationCount = 100_000;
const seconds = 600;

/** A long run: twenty clients, five faults, memory of three members. */
function longReport(): RunReport {
  const operations = Array.from({ length: operationCount }, (_, i): Operation => {
    const call = (i / operationCount) * seconds * 1e9;
    const latency = (1 + ((i * 7_919) % 97) / 10) * 1e6 * (i % 1_000 < 40 ? 30 : 1);
    const outcome = i % 211 === 0 ? 'info' : i % 53 === 0 ? 'fail' : 'ok';
    return {
      ...{ id: i, process: i % 20, f: i % 3 === 0 ? 'write' : 'read', key: `k${i % 5}` },
      ...{ input: i, output: i, call, outcome, member: `m${1 + (i % 3)}` },
      return: outcome === 'info' ? Infinity : call + latency,
      ...(outcome === 'fail' ? { error: 'unavailable: no leader' } : {}),
    };
  });
  const kinds = ['kill leader', 'partition minority', 'power failure all', 'delay 50 ms all'];
  const colours = ['#d1495b', '#2e86ab', '#6b2d5c', '#3c9d8f'];
  const faults = kinds.flatMap((fault, i): FaultRecord[] =>
    (['inject', 'injected', 'heal', 'healed'] as const).map((phase, k) => {
      return { fault, phase, targets: ['m1'], time: (60 + i * 130 + k * 10) * 1e9 };
    }),
  );
  const at = Array.from({ length: 600 }, (_, i) => i);
  return {
    ...sampleReport(),
    faults: kinds.map((name, i) => ({ name, label: name, colour: colours[i]!, count: 1 })),
    series: [
      {
        ...{ title: 'Anonymous memory of the members', unit: 'MiB', history: 'long', seconds: at },
        lines: ['m1', 'm2', 'm3'].map((label, k) => {
          return { label, values: at.map((i) => 90 + k * 20 + (i % 60)) };
        }),
      },
    ],
    histories: [{ name: 'long', history: { meta: { name: 'long' }, operations, faults } }],
  };
}

/** What is used of a canvas in the browser; the rest of its types are not known here. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8Array };
  };
}

const title = 'the page of a run with 100 000 operations';

if (executablePath === undefined) {
  process.stderr.write('skipped: no chromium here\n');
  describe(title, () => it.todo('skipped: no chromium here'));
} else {
  describe(title, () => {
    let browser: Browser;
    let directory: string;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'crucible-page-'));
      writeReports(longReport(), directory);
      browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    });

    afterAll(async () => {
      await browser.close();
      rmSync(directory, { recursive: true, force: true });
    });

    async function open(colorScheme: 'light' | 'dark'): Promise<[Page, string[]]> {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 1600 } });
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith('file:')) problems.push(`asks for ${request.url()}`);
      });
      await page.goto(pathToFileURL(join(directory, 'index.html')).href);
      await page.waitForSelector('#pictures canvas');
      return [page, problems];
    }

    /** How many different colours the pictures have: an empty canvas has one. */
    function coloursOf(page: Page): Promise<readonly number[]> {
      return page.$$eval('#pictures canvas', (canvases) =>
        canvases.map((canvas) => {
          const drawn = canvas as unknown as Canvas;
          const { width, height } = drawn;
          const { data } = drawn.getContext('2d').getImageData(0, 0, width, height);
          const seen = new Set<number>();
          for (let i = 0; i + 3 < data.length; i += 4 * 7) {
            seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
          }
          return seen.size;
        }),
      );
    }

    it.each(['light', 'dark'] as const)('draws charts and timeline in %s', async (scheme) => {
      const [page, problems] = await open(scheme);
      const colours = await coloursOf(page);
      // Throughput, latency, memory and the timeline.
      expect(colours.length).toBeGreaterThanOrEqual(4);
      for (const count of colours) expect(count).toBeGreaterThan(5);
      const text = await page.innerText('body');
      for (const words of ['100\u00a0000', 'kill leader', 'power failure all', 'memory']) {
        expect(text.toLowerCase()).toContain(words);
      }
      expect(problems).toEqual([]);
      const shots = process.env['PAGE_SCREENSHOTS'];
      if (shots) await page.screenshot({ path: join(shots, `page-${scheme}.png`), fullPage: true });
      await page.close();
    });
  });
}
