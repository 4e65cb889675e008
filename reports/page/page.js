/**
 * Puts the pictures of a history into the page, one history at a time, and wires the buttons.
 * All text comes from the run and is set as text, never as markup.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document } = globalThis;

  crucible.isDark = () => globalThis.matchMedia('(prefers-color-scheme: dark)').matches;

  const element = (name, className, text = '') => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };

  /** What is known of one operation, into a tip or the panel below the timeline. */
  crucible.fillDetails = (box, { asked, answered, outcome, bad, facts }) => {
    const name = { ok: 'ok', failed: 'skipped', unknown: 'unknown' }[outcome];
    const first = element('div', 'mono');
    const pill = element('span', `pill ${bad ? 'fail' : name}`, bad ? 'broken' : outcome);
    first.append(pill, ` ${asked}`);
    const second = element('div', 'mono', `→ ${answered}`);
    box.replaceChildren(first, second, element('div', 'muted small', facts.join(' · ')));
  };

  const run = crucible.readRun();
  const shown = new Map();
  let current;

  const byId = (id) => document.getElementById(id);

  async function show(name) {
    const history = run.histories.find((one) => one.name === name);
    if (!history) return undefined;
    for (const button of document.querySelectorAll('[data-history]')) {
      button.setAttribute('aria-pressed', String(button.dataset.history === name));
    }
    if (!shown.has(name)) shown.set(name, await build(history));
    for (const [other, { root }] of shown) root.hidden = other !== name;
    current = shown.get(name);
    current.redraw();
    return current;
  }

  async function build(history) {
    const root = element('div');
    byId('pictures').append(root);
    const view = crucible.createView(history.seconds);
    const operations = await crucible.readOperations(history.columns);
    const strip = element('div', 'plot');
    const charts = element('div');
    const timeline = element('div', 'timeline');
    const details = element('div', 'details muted', 'Click an operation to keep its details here.');
    root.append(
      strip,
      charts,
      element('h3', '', 'Operations of each client'),
      legend(),
      timeline,
      details,
    );
    const redraws = [crucible.drawFaultStrip(strip, history.faults, view)];
    redraws.push(crucible.drawCharts(charts, history, view));
    const picture = crucible.createTimeline(timeline, history, operations, view, (what) => {
      details.classList.remove('muted');
      crucible.fillDetails(details, what);
    });
    void crucible.readTexts(history.columns).then(picture.setTexts);
    redraws.push(picture.redraw);
    const redraw = () => {
      for (const one of redraws) one();
    };
    return { root, view, jumpTo: picture.jumpTo, redraw };
  }

  function legend() {
    const box = element('div', 'legend');
    const entries = [
      ['op-read', 'read'],
      ['op-write', 'write'],
      ['op-fail', 'failed, without effect'],
      ['op-info', 'unknown: it may or may not have happened'],
      ['op-bad', 'part of a counterexample'],
    ];
    for (const [colour, text] of entries) {
      const entry = element('span');
      const swatch = element('span', 'swatch');
      swatch.style.background = `var(--${colour})`;
      entry.append(swatch, text);
      box.append(entry);
    }
    return box;
  }

  const actions = {
    in: () => current?.view.zoom(0.5),
    out: () => current?.view.zoom(2),
    reset: () => current?.view.reset(),
  };

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const { history, zoom, jump, copy } = button.dataset;
    if (zoom) actions[zoom]();
    if (history) await show(history);
    if (jump) {
      const { name, ids } = JSON.parse(jump);
      (await show(name))?.jumpTo(ids);
    }
    if (copy) {
      await globalThis.navigator.clipboard?.writeText(byId(copy).textContent);
      button.textContent = 'copied';
    }
  });

  const redraw = () => current?.redraw();
  let resizing;
  globalThis.addEventListener('resize', () => {
    globalThis.clearTimeout(resizing);
    resizing = globalThis.setTimeout(redraw, 80);
  });
  crucible.onTheme(redraw);
  const first = run.histories.find(({ badIds }) => badIds.length > 0) ?? run.histories[0];
  if (first) {
    void show(first.name).then(() => document.documentElement.setAttribute('data-ready', ''));
  }
})();
