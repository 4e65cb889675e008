/**
 * What the timeline and the picture of an order share: the axis of time, how far an operation of
 * unknown outcome is drawn, what lies under the pointer, and how both are moved. Plain wheeling scrolls the page, as everywhere.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});

  /** Where on the canvas a moment lies, and which moment lies where. */
  crucible.axisOf = (container, view) => {
    const edges = () => [crucible.gutterLeft, container.clientWidth - crucible.gutterRight];
    return {
      edges,
      place: (seconds) => {
        const [left, right] = edges();
        return left + ((seconds - view.min) / (view.max - view.min)) * (right - left);
      },
      timeAt: (x) => {
        const [left, right] = edges();
        return view.min + ((x - left) / (right - left)) * (view.max - view.min);
      },
    };
  };

  /** An unknown operation reaches to the next one of its client: then nobody waited any more. */
  crucible.shownEndOf =
    ({ start, end }, view) =>
    (indexes, k) => {
      const i = indexes[k];
      if (end[i] !== Infinity) return end[i];
      return k + 1 < indexes.length ? start[indexes[k + 1]] : view.seconds;
    };

  /** First position in `indexes` whose operation starts at or after `time`. */
  crucible.firstFrom = (indexes, start, time) => {
    let low = 0;
    let high = indexes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (start[indexes[middle]] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  /** Of a row, the operation under `x` or the nearest less than `reach` pixels away; else -1. */
  crucible.nearestOf =
    ({ start }, { place, timeAt }, shownEnd, reach) =>
    (indexes, x) => {
      const next = crucible.firstFrom(indexes, start, timeAt(x));
      let best = -1;
      let distance = reach;
      for (const k of [next - 1, next]) {
        if (k < 0 || k >= indexes.length) continue;
        const from = place(start[indexes[k]]);
        const to = place(shownEnd(indexes, k));
        const away = x < from ? from - x : x > to ? x - to : 0;
        if (away < distance) {
          distance = away;
          best = indexes[k];
        }
      }
      return best;
    };

  /** Beside the point, on the side with room. */
  crucible.placeTip = (container, tip, x, y) => {
    const isRight = x + 14 + tip.offsetWidth > container.clientWidth;
    tip.style.left = `${Math.max(0, isRight ? x - tip.offsetWidth - 10 : x + 14)}px`;
    tip.style.top = `${y + 14}px`;
  };

  crucible.positionIn = (container, event) => {
    const box = container.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function listenToDrag(container, { view, operationAt, showTip, select, tip }) {
    let drag;
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
      tip.hidden = true;
      container.classList.add('dragging');
      const width = container.clientWidth - crucible.gutterLeft - crucible.gutterRight;
      const shift = (-by / width) * (drag.max - drag.min);
      view.set(drag.min + shift, drag.max + shift);
    });
    const release = (event) => {
      if (drag && !drag.moved && event.type === 'pointerup') {
        select(operationAt(...crucible.positionIn(container, event)));
      }
      drag = undefined;
      container.classList.remove('dragging');
    };
    container.addEventListener('pointerup', release);
    container.addEventListener('pointercancel', release);
    container.addEventListener('pointerleave', () => {
      tip.hidden = true;
    });
  }

  /** Pointer, wheel and keys; `more` are keys of one picture alone. */
  crucible.listenToPicture = (container, picture, more = {}) => {
    const { view, timeAt } = picture;
    const timeOf = (event) => timeAt(crucible.positionIn(container, event)[0]);
    listenToDrag(container, picture);
    container.addEventListener('dblclick', (event) => view.zoom(0.25, timeOf(event)));
    const onWheel = (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const isSideways = event.shiftKey || Math.abs(sideways) > Math.abs(event.deltaY);
      if (event.ctrlKey || event.metaKey) {
        const by = Math.max(-60, Math.min(60, event.deltaY)) * 0.012;
        view.zoom(Math.exp(by), timeOf(event));
      } else if (sideways !== 0 && isSideways) {
        view.pan(sideways / 900);
      } else {
        return;
      }
      event.preventDefault();
    };
    container.addEventListener('wheel', onWheel, { passive: false });
    const actions = {
      ...more,
      ArrowLeft: () => view.pan(-0.15),
      ArrowRight: () => view.pan(0.15),
      '+': () => view.zoom(0.5),
      '-': () => view.zoom(2),
      0: () => view.reset(),
    };
    container.addEventListener('keydown', (event) => {
      const action = event.ctrlKey || event.metaKey ? undefined : actions[event.key];
      if (!action) return;
      action();
      event.preventDefault();
    });
  };
})();
