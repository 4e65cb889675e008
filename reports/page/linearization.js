/**
 * Operations in the rows of their clients, and the order found for one part of the history as a
 * line through the points where its operations take effect.
 *
 * The canvas is as large as what is seen of it: rows outside are not drawn, and bars that fall
 * into a pixel already taken are left out, so a redraw costs the same for ten and for 100 000.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document } = globalThis;

  const laneHeight = 30;
  const barHeight = 20;
  const axisHeight = 26;
  const pointsMax = 4000;
  const observing = /^(read|range|get|contains|leaseTimeToLive|memberList)$/;

  /**
   * Where each operation of an order takes effect: between the earliest moment that keeps the
   * order and the latest. Both only rise along the order, hence so does what lies in the middle.
   */
  function pointsOf(order, { start, end }, seconds) {
    const points = new Float64Array(order.length);
    let earliest = 0;
    order.forEach((index, at) => {
      earliest = Math.max(earliest, start[index]);
      points[at] = earliest;
    });
    let latest = seconds;
    for (let at = order.length - 1; at >= 0; at -= 1) {
      latest = Math.min(latest, end[order[at]]);
      points[at] = (points[at] + Math.max(points[at], latest)) / 2;
    }
    return points;
  }

  crucible.createLinearization = (container, operations, view, unit, onSelect) => {
    const { start, end, lanes, outcome, kind, functions, lane } = operations;
    const isObserver = functions.map((name) => observing.test(name));
    const canvas = document.createElement('canvas');
    const spacer = document.createElement('div');
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    container.append(canvas, spacer, tip);
    container.tabIndex = 0;
    container.setAttribute('role', 'application');
    container.setAttribute('aria-label', 'Operations of each client over time, with their order');
    let part;
    let points = new Float64Array(0);
    let position = new Int32Array(operations.count).fill(-1);
    let mark = new Uint8Array(operations.count);
    let selected = -1;
    let texts = [];
    let scheduled = false;

    const axis = crucible.axisOf(container, view);
    const { edges, place, timeAt } = axis;
    const shownEnd = crucible.shownEndOf(operations, view);
    const nearest = crucible.nearestOf(operations, axis, shownEnd, 6);
    const viewportHeight = () => Math.min(lanes.length * laneHeight + axisHeight, 640);
    const rowsHeight = () => viewportHeight() - axisHeight;
    const laneTop = (row) => row * laneHeight - container.scrollTop;

    const classes = ['op-read', 'op-write', 'op-fail', 'op-info', 'op-bad'];
    const classOf = (i) => {
      if (mark[i] === 2) return 4;
      if (outcome[i] === 1) return 2;
      if (outcome[i] === 2) return 3;
      return isObserver[kind[i]] ? 0 : 1;
    };
    const isDim = (i) => mark[i] === 0 && position[i] < 0 && part.members !== undefined;

    function drawRows(context, [left, right]) {
      context.font = '12px system-ui, sans-serif';
      context.textBaseline = 'middle';
      const first = Math.floor(container.scrollTop / laneHeight);
      const last = Math.min(lanes.length - 1, first + Math.ceil(rowsHeight() / laneHeight));
      for (let row = first; row <= last; row += 1) {
        const y = laneTop(row);
        if (row % 2 === 0) {
          context.fillStyle = crucible.colour('lane');
          context.fillRect(left, y, right - left, laneHeight);
        }
        context.fillStyle = crucible.colour('muted');
        context.textAlign = 'right';
        context.fillText(`client ${row}`, left - 8, y + laneHeight / 2 + 0.5);
      }
      return [first, last];
    }

    function drawGrid(context, [left, right]) {
      context.fillStyle = crucible.colour('line');
      for (const tick of crucible.ticks(view.min, view.max, right - left).ticks) {
        context.fillRect(Math.round(place(tick)) + 0.5, 0, 1, rowsHeight());
      }
    }

    function drawAxis(context, [left, right]) {
      const height = rowsHeight();
      context.fillStyle = crucible.colour('card');
      context.fillRect(0, height, container.clientWidth, axisHeight);
      context.textAlign = 'center';
      context.font = '12px system-ui, sans-serif';
      context.fillStyle = crucible.colour('muted');
      const { step, ticks } = crucible.ticks(view.min, view.max, right - left);
      for (const tick of ticks) {
        const text = unit === 's' ? crucible.formatTime(tick, step) : String(Math.round(tick));
        context.fillText(text, Math.round(place(tick)) + 0.5, height + 15);
      }
    }

    function drawBars(context, [first, last], [left, right]) {
      for (let row = first; row <= last; row += 1) {
        const indexes = lanes[row];
        const y = laneTop(row) + (laneHeight - barHeight) / 2;
        const taken = classes.map(() => -1);
        const from = Math.max(0, crucible.firstFrom(indexes, start, view.min) - 1);
        for (let k = from; k < indexes.length && start[indexes[k]] <= view.max; k += 1) {
          const i = indexes[k];
          const x = Math.max(left, place(start[i]));
          const to = Math.min(right, place(shownEnd(indexes, k)));
          const group = classOf(i);
          if (to < left || (to <= taken[group] && mark[i] === 0)) continue;
          const width = Math.max(mark[i] === 0 ? 1.5 : 4, to - x - (to - x > 4 ? 1 : 0));
          taken[group] = Math.ceil(x + width);
          drawBar(context, i, group, [x, y, width]);
        }
      }
    }

    function drawBar(context, i, group, [x, y, width]) {
      context.globalAlpha = isDim(i) ? 0.28 : 1;
      context.fillStyle = crucible.colour(classes[group]);
      context.beginPath();
      if (width > 6) context.roundRect(x, y, width, barHeight, 4);
      else context.rect(x, y, width, barHeight);
      context.fill();
      if (mark[i] !== 0 || i === selected) {
        context.strokeStyle = crucible.colour(
          i === selected ? 'text' : mark[i] === 1 ? 'accent' : 'op-bad',
        );
        context.lineWidth = 2;
        context.setLineDash(mark[i] === 1 && i !== selected ? [4, 3] : []);
        context.strokeRect(x - 1, y - 1, width + 2, barHeight + 2);
        context.setLineDash([]);
      }
      if (width > 40) {
        context.save();
        context.beginPath();
        context.rect(x, y, width - 4, barHeight);
        context.clip();
        context.font = '11px ui-monospace, Menlo, monospace';
        context.textAlign = 'left';
        context.fillStyle = crucible.isDark()
          ? '#0d1418'
          : group === 1 || group === 4
            ? '#ffffff'
            : '#10202b';
        context.fillText(texts[i] ?? '', x + 5, y + barHeight / 2 + 0.5);
        context.restore();
      }
      context.globalAlpha = 1;
    }

    /** The order as a line through the points; only the steps in sight, and not when too many. */
    function drawOrder(context) {
      const { order } = part;
      let first = 0;
      let high = order.length;
      while (first < high) {
        const middle = (first + high) >> 1;
        if (points[middle] < view.min) first = middle + 1;
        else high = middle;
      }
      let last = first;
      while (last < order.length && points[last] <= view.max && last - first <= pointsMax)
        last += 1;
      if (last - first > pointsMax) return;
      const at = (step) => [place(points[step]), laneTop(lane[order[step]]) + laneHeight / 2];
      context.strokeStyle = crucible.colour('accent');
      context.lineWidth = 1.2;
      context.globalAlpha = 0.7;
      context.beginPath();
      for (let step = Math.max(0, first - 1); step < Math.min(order.length, last + 1); step += 1) {
        context.lineTo(...at(step));
      }
      context.stroke();
      context.globalAlpha = 1;
      for (let step = first; step < last; step += 1) {
        const [x, y] = at(step);
        context.beginPath();
        context.arc(x, y, last - first > 400 ? 2 : 4, 0, 2 * Math.PI);
        context.fillStyle = crucible.colour('card');
        context.fill();
        context.strokeStyle = crucible.colour('text');
        context.lineWidth = 1.5;
        context.stroke();
      }
    }

    function draw() {
      scheduled = false;
      const width = container.clientWidth;
      const height = viewportHeight();
      spacer.style.height = `${lanes.length * laneHeight + axisHeight - height}px`;
      const context = crucible.fitCanvas(canvas, width, height);
      context.clearRect(0, 0, width, height);
      const plot = edges();
      const rows = drawRows(context, plot);
      context.save();
      context.beginPath();
      context.rect(plot[0], 0, plot[1] - plot[0], rowsHeight());
      context.clip();
      drawGrid(context, plot);
      drawBars(context, rows, plot);
      drawOrder(context);
      context.restore();
      drawAxis(context, plot);
    }

    function schedule() {
      if (scheduled) return;
      scheduled = true;
      globalThis.requestAnimationFrame(draw);
    }

    function operationAt(x, y) {
      const indexes = lanes[Math.floor((y + container.scrollTop) / laneHeight)];
      if (!indexes || y > rowsHeight()) return -1;
      return nearest(indexes, x);
    }

    function describe(i) {
      const at = position[i];
      const time = (value) =>
        unit === 's' ? `${value.toFixed(6)} s` : `event ${Math.round(value)}`;
      const state = at >= 0 ? part.states[at] : undefined;
      const before = at > 0 ? part.states[at - 1] : undefined;
      return {
        title: texts[i] ?? '…',
        bad: mark[i] === 2,
        culprit: i === part.culprit,
        context: mark[i] === 1,
        outcome: ['ok', 'failed', 'unknown'][outcome[i]],
        state,
        before,
        step: at >= 0 ? `step ${at + 1} of ${part.order.length} in the order` : 'not in the order',
        facts: [
          `process ${operations.process[i]}`,
          `operation ${operations.id[i]}`,
          operations.members[operations.member[i]],
          `called at ${time(start[i])}`,
          end[i] === Infinity ? 'never returned' : `returned at ${time(end[i])}`,
        ].filter(Boolean),
      };
    }

    function select(i) {
      selected = i;
      if (i >= 0) onSelect(describe(i));
      schedule();
    }

    /** Zooms so that these operations fill the middle of the picture, and selects one. */
    function reveal(indexes, chosen) {
      if (indexes.length === 0) return;
      let from = Infinity;
      let to = -Infinity;
      for (const i of indexes) {
        from = Math.min(from, start[i]);
        to = Math.max(to, end[i] === Infinity ? start[i] : end[i]);
      }
      const margin = Math.max((to - from) * 0.4, view.seconds / 5e4);
      view.set(from - margin, to + margin);
      keepInSight(chosen);
      select(chosen);
    }

    function keepInSight(i) {
      const y = lane[i] * laneHeight;
      const { scrollTop } = container;
      if (y < scrollTop || y + laneHeight > scrollTop + rowsHeight()) {
        container.scrollTop = Math.max(0, y - rowsHeight() / 2);
      }
    }

    /** The next (or previous) operation of the order, from the selected one. */
    function walk(by) {
      if (part.order.length === 0) return;
      const at = selected >= 0 && position[selected] >= 0 ? position[selected] + by : 0;
      const step = Math.max(0, Math.min(part.order.length - 1, at));
      const i = part.order[step];
      const span = view.max - view.min;
      if (points[step] < view.min || points[step] > view.max) {
        view.set(points[step] - span / 2, points[step] + span / 2);
      }
      keepInSight(i);
      select(i);
    }

    function show(shown) {
      part = shown;
      points = pointsOf(part.order, operations, view.seconds);
      position = new Int32Array(operations.count).fill(-1);
      part.order.forEach((index, at) => (position[index] = at));
      mark = new Uint8Array(operations.count);
      for (const i of part.context ?? []) mark[i] = 1;
      for (const i of part.core ?? []) mark[i] = 2;
      schedule();
    }

    const jumpToError = () => {
      const { core = [], context = [], culprit } = part;
      if (culprit !== undefined) reveal([...core, ...context], culprit);
    };
    const picture = { timeAt, operationAt, describe, select, walk, jumpToError, tip };
    crucible.listenToLinearization(container, view, picture);
    container.addEventListener('scroll', schedule);
    view.follow(schedule);
    return {
      ...picture,
      show,
      redraw: schedule,
      setTexts(list) {
        texts = list;
        schedule();
      },
    };
  };
})();
