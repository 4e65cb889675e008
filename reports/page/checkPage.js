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

  /** Pointer, wheel and keys. Plain wheeling scrolls the rows, then the page. */
  crucible.listenToLinearization = (container, view, picture) => {
    let drag;
    const at = (event) => {
      const box = container.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    container.addEventListener('pointerdown', (event) => {
      drag = { x: event.clientX, min: view.min, max: view.max, moved: false };
      container.setPointerCapture(event.pointerId);
    });
    container.addEventListener('pointermove', (event) => {
      if (!drag) {
        showTip(event);
        return;
      }
      const by = event.clientX - drag.x;
      if (Math.abs(by) > 3) drag.moved = true;
      if (!drag.moved) return;
      picture.tip.hidden = true;
      container.classList.add('dragging');
      const width = container.clientWidth - crucible.gutterLeft - crucible.gutterRight;
      const shift = (-by / width) * (drag.max - drag.min);
      view.set(drag.min + shift, drag.max + shift);
    });
    const release = (event) => {
      if (drag && !drag.moved && event.type === 'pointerup') {
        picture.select(picture.operationAt(...at(event)));
      }
      drag = undefined;
      container.classList.remove('dragging');
    };
    container.addEventListener('pointerup', release);
    container.addEventListener('pointercancel', release);
    container.addEventListener('pointerleave', () => (picture.tip.hidden = true));
    container.addEventListener('dblclick', (event) => {
      view.zoom(0.25, picture.timeAt(at(event)[0]));
    });
    container.addEventListener('wheel', onWheel, { passive: false });
    container.addEventListener('keydown', (event) => {
      const actions = {
        ...keys,
        ArrowLeft: () => view.pan(-0.15),
        ArrowRight: () => view.pan(0.15),
      };
      const action = event.ctrlKey || event.metaKey ? undefined : actions[event.key];
      if (!action) return;
      action();
      event.preventDefault();
    });

    function onWheel(event) {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        const by = Math.max(-60, Math.min(60, event.deltaY)) * 0.012;
        view.zoom(Math.exp(by), picture.timeAt(at(event)[0]));
      } else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) {
        view.pan(sideways / 900);
      } else {
        return;
      }
      event.preventDefault();
    }

    function showTip(event) {
      const [x, y] = at(event);
      const i = picture.operationAt(x, y);
      const { tip } = picture;
      tip.hidden = i < 0;
      if (i < 0) return;
      fill(tip, picture.describe(i));
      const isRight = x + 14 + tip.offsetWidth > container.clientWidth;
      tip.style.left = `${Math.max(0, isRight ? x - tip.offsetWidth - 10 : x + 14)}px`;
      tip.style.top = `${y + 14 + container.scrollTop}px`;
    }

    const keys = {
      '+': () => view.zoom(0.5),
      '-': () => view.zoom(2),
      0: () => view.reset(),
      n: () => picture.walk(1),
      p: () => picture.walk(-1),
      e: () => picture.jumpToError(),
    };
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
