import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { chromium, type Browser, type Page } from 'playwright-core';

import { modelNamed } from '../models';
import { kvHistory } from '../properties/checker/kvHistories';
import type { History, Operation } from '../src/history';
import { writeCheckPage } from './checkPage';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const ran = existsSync(executablePath);

function pageOf(history: History, modelName: string): string {
  const model = modelNamed(modelName)!;
  const verdict = model.check(history);
  const picture = model.picture(history, verdict);
  return writeCheckPage({ title: 'a <history>', history, picture, rules: [] });
}

function kvRun(bad: boolean): History {
  const operations = kvHistory({ seed: 3, clients: 8, operations: 300, keys: 4, bad }).map(
    (operation) => ({
      ...operation,
      call: operation.call * 1e6,
      return: operation.return * 1e6,
    }),
  );
  return { meta: {}, operations, faults: [] };
}

/** Clients write and read by turns under one key each fifth; near the end a read is stale. */
function longRun(count: number, clients: number): History {
  const operations = Array.from({ length: count }, (_, id): Operation => {
    const isRead = id % 10 >= 5;
    const value = isRead ? id - 5 : id;
    const output = isRead && id === count - 1 ? value - 10 : value;
    const call = id * 1e6;
    return {
      ...{ id, process: id % clients, f: isRead ? 'read' : 'write', key: `k${id % 5}` },
      ...{ input: isRead ? null : value, output, call, return: call + 4e6, outcome: 'ok' },
    };
  });
  return { meta: {}, operations, faults: [] };
}

describe('the page of a checked history', () => {
  it('says the verdict, the contradiction and why without any script', () => {
    const page = pageOf(kvRun(true), 'kv');
    expect(page).toContain('<span class="pill fail">not linearizable</span> a &lt;history&gt;');
    expect(page.match(/Key \d is broken/g)).toHaveLength(4);
    expect(page).toMatch(/class="culprit">\s*<code>get\(/);
    expect(page).toContain('cannot be placed beside');
    expect(page).not.toMatch(/src="http|href="http|@import/);
  });

  it('has nothing to contradict for a history that holds', () => {
    const page = pageOf(kvRun(false), 'kv');
    expect(page).toContain('<span class="pill ok">linearizable</span>');
    expect(page).not.toContain('is broken');
  });
});

/** Without a browser the whole block is left out, and said so below. */
const describeIf = ran ? describe : (): void => undefined;

describeIf('the page in a browser', () => {
  let browser: Browser;
  let directory: string;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    directory = mkdtempSync(join(tmpdir(), 'crucible-page-'));
  });

  afterAll(async () => {
    await browser.close();
    rmSync(directory, { recursive: true, force: true });
  });

  interface Opened {
    readonly page: Page;
    readonly errors: readonly string[];
  }

  async function open(text: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> {
    const file = join(directory, `${colorScheme}.html`);
    writeFileSync(file, text);
    const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } });
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('html[data-ready]');
    return { page, errors };
  }

  const details = (page: Page) => page.locator('#details').innerText();

  /** What the canvas shows, as a text that changes when a pixel does. */
  const drawn = async (page: Page): Promise<string> => {
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    return page.evaluate("document.querySelector('#linearization canvas').toDataURL()");
  };

  it('goes to the key that another page points to', async () => {
    const { page } = await open(pageOf(kvRun(true), 'kv'));
    const first = await details(page);
    await page.goto(`${page.url()}#key=3`);
    await page.waitForFunction(`document.querySelector('#part').value !== '0'`);
    expect(await details(page)).toMatch(/cannot be placed get\(3\)/);
    expect(await details(page)).not.toBe(first);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('begins at the error, in %s', async (scheme) => {
    const { page, errors } = await open(pageOf(kvRun(true), 'kv'), scheme);
    expect(await details(page)).toContain('cannot be placed get(');
    expect(await details(page)).toContain('not in the order');
    const picture = await drawn(page);
    expect(picture.length).toBeGreaterThan(5_000);
    const screenshots = process.env['SCREENSHOTS'];
    if (screenshots !== undefined) {
      await page.screenshot({ path: join(screenshots, `${scheme}.png`), fullPage: true });
    }
    expect(errors).toEqual([]);
    await page.close();
  });

  it('is used by keys: along the order, closer, further, back to the error', async () => {
    const { page, errors } = await open(pageOf(kvRun(true), 'kv'));
    await page.locator('#linearization').focus();
    await page.keyboard.press('0');
    const all = await drawn(page);
    await page.keyboard.press('n');
    expect(await details(page)).toMatch(/state: .*\n?.*step 1 of \d+ in the order/);
    await page.keyboard.press('n');
    expect(await details(page)).toMatch(/step 2 of/);
    await page.keyboard.press('p');
    expect(await details(page)).toMatch(/step 1 of/);
    await page.keyboard.press('+');
    expect(await drawn(page)).not.toBe(all);
    await page.keyboard.press('e');
    expect(await details(page)).toContain('cannot be placed get(');
    const parts = page.locator('#part option');
    expect(await parts.count()).toBe(4);
    await page.locator('#part').selectOption('1');
    await page.getByRole('button', { name: 'jump to the error' }).click();
    expect(await details(page)).toContain('cannot be placed get(');
    await page.locator('[data-error]').last().click();
    expect(await details(page)).toContain('cannot be placed get(');
    expect(errors).toEqual([]);
    await page.close();
  });

  it('shows 100 000 operations, scrolls, zooms and jumps', async () => {
    const { page, errors } = await open(pageOf(longRun(100_000, 60), 'register'));
    expect(await details(page)).toContain('cannot be placed read(');
    const screenshots = process.env['SCREENSHOTS'];
    if (screenshots !== undefined) await page.screenshot({ path: join(screenshots, 'big.png') });
    const container = page.locator('#linearization');
    await container.focus();
    const seen = new Set([await drawn(page)]);
    for (const key of ['0', '+', 'ArrowRight', 'e']) {
      await page.keyboard.press(key);
      seen.add(await drawn(page));
    }
    expect(seen.size).toBeGreaterThanOrEqual(4);
    const box = "document.getElementById('linearization')";
    await page.evaluate(`${box}.scrollTop = 600`);
    seen.add(await drawn(page));
    expect(await page.evaluate<number>(`${box}.scrollTop`)).toBeGreaterThan(300);
    expect(errors).toEqual([]);
    await page.close();
  });
});

if (!ran) it.todo('skipped: there is no chromium; the variable CHROMIUM may name one');
