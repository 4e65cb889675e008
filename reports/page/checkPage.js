/**
 * Wires the page of a checked history: choice of the part, buttons, pointer and keys.
 * All text comes from the history and is set as text, never as markup.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document } = globalThis;
  const byId = (id) => document.getElementById(id);

  crucible.isDark = () => globalThis.matchMedia('(prefers-color-scheme: dark)').matches;

  const element = (name, className, text = '') => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };

  /** What is known of one operation, into the tip or the panel below the picture. */
  function fill(box, what) {
    const { title, outcome, bad, culprit, context, state, before, step, facts } = what;
    const first = element('div', 'mono');
    const label = culprit
      ? 'cannot be placed'
      : bad
        ? 'contradicts'
        : context
          ? 'context'
          : outcome;
    const name = bad ? 'fail' : { ok: 'ok', failed: 'skipped', unknown: 'unknown' }[outcome];
    first.append(element('span', `pill ${name}`, label), ` ${title}`);
    const lines = [first];
    if (state !== undefined) {
      const change = before === undefined || before === state ? state : `${before}  →  ${state}`;
      lines.push(element('div', 'mono', `state: ${change}`));
    }
    lines.push(element('div', 'muted small', [step, ...facts].join(' · ')));
    box.replaceChildren(...lines);
  }

  /** Pointer, wheel and keys of the picture, and what the buttons do. */
  crucible.listenToLinearization = (container, view, picture) => {
    function showTip(event) {
      const [x, y] = crucible.positionIn(container, event);
      const i = picture.operationAt(x, y);
      const { tip } = picture;
      tip.hidden = i < 0;
      if (i < 0) return;
      fill(tip, picture.describe(i));
      crucible.placeTip(container, tip, x, y + container.scrollTop);
    }

    const keys = {
      '+': () => view.zoom(0.5),
      '-': () => view.zoom(2),
      0: () => view.reset(),
      n: () => picture.walk(1),
      p: () => picture.walk(-1),
      e: () => picture.jumpToError(),
    };
    const { timeAt, operationAt, select, tip } = picture;
    crucible.listenToPicture(
      container,
      { view, timeAt, operationAt, showTip, select, tip },
      { n: keys.n, p: keys.p, e: keys.e },
    );
    crucible.actions = {
      in: keys['+'],
      out: keys['-'],
      all: keys[0],
      next: keys.n,
      previous: keys.p,
      error: keys.e,
    };
  };

  async function start() {
    const data = crucible.readRun();
    const view = crucible.createView(data.seconds);
    const operations = await crucible.readOperations(data.columns);
    const parts = await crucible.readPacked(data.parts);
    const details = byId('details');
    const container = byId('linearization');
    const picture = crucible.createLinearization(container, operations, view, data.unit, (what) => {
      details.classList.remove('muted');
      fill(details, what);
    });
    const empty = { order: [], states: [], key: '' };
    const isOne = parts.length < 2;
    const choose = (part) => picture.show({ ...part, members: isOne ? undefined : part.order });
    choose(parts[0] ?? empty);
    const select = byId('part');
    select?.addEventListener('change', () => choose(parts[Number(select.value)]));
    document.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (!button) return;
      const { do: action, error } = button.dataset;
      if (action) crucible.actions[action]();
      if (error !== undefined) showError(error);
    });
    const showError = (broken) => {
      const at = parts.findIndex(({ key, core }) => key === broken && core !== undefined);
      if (at < 0) return;
      if (select) select.value = String(at);
      choose(parts[at]);
      picture.jumpToError();
      container.scrollIntoView({ block: 'center' });
      container.focus({ preventScroll: true });
    };
    /** Another page points to a key: `#key=NAME`. */
    const followHash = () => {
      const [, key] = /^#key=(.*)$/.exec(globalThis.location.hash) ?? [];
      if (key !== undefined) showError(decodeURIComponent(key));
    };
    globalThis.addEventListener('resize', picture.redraw);
    crucible.onTheme(picture.redraw);
    picture.setTexts(await crucible.readPacked(data.descriptions));
    if (parts[0]?.culprit !== undefined) picture.jumpToError();
    globalThis.addEventListener('hashchange', followHash);
    followHash();
    document.documentElement.setAttribute('data-ready', '');
  }

  void start();
})();
