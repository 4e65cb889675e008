/**
 * Every operation as a bar in the row of its client, on a canvas of which only the visible part
 * is drawn: with 100 000 operations a redraw touches at most a few per pixel and row.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document } = globalThis;

  const laneHeight = 20;
  const barHeight = 13;
  const axisHeight = 26;
  const outcomeNames = ['ok', 'failed', 'unknown'];
  const observing = /^(read|range|get|r)$/;

  crucible.createTimeline = (container, history, operations, view, onSelect) => {
    const { faults } = history;
    const { start, end, lanes, outcome, kind, functions } = operations;
    const isRead = functions.map((name) => observing.test(name));
    const isBad = new Uint8Array(operations.count);
    const badIds = new Set(history.badIds);
    for (let i = 0; i < operations.count; i += 1) if (badIds.has(operations.id[i])) isBad[i] = 1;
    const canvas = document.createElement('canvas');
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    container.append(canvas, tip);
    container.tabIndex = 0;
    container.setAttribute('role', 'img');
    container.setAttribute('aria-label', 'Operations of each client over time');
    let selected = -1;
    let texts;
    let scheduled = false;

    const axis = crucible.axisOf(container, view);
    const { edges, place, timeAt } = axis;
    const shownEnd = crucible.shownEndOf(operations, view);
    const nearest = crucible.nearestOf(operations, axis, shownEnd, 5);

    const classes = ['op-read', 'op-write', 'op-fail', 'op-info', 'op-bad'];
    const classOf = (i) => {
      if (isBad[i]) return 4;
      if (outcome[i] === 1) return 2;
      if (outcome[i] === 2) return 3;
      return isRead[kind[i]] ? 0 : 1;
    };

    /** Rectangles by class; bars that fall into a pixel already taken by their like are left out. */
    function collect() {
      const rectangles = classes.map(() => []);
      const labels = [];
      const [left, right] = edges();
      lanes.forEach((indexes, lane) => {
        const y = lane * laneHeight + (laneHeight - barHeight) / 2;
        const taken = classes.map(() => -1);
        const first = Math.max(0, crucible.firstFrom(indexes, start, view.min) - 1);
        for (let k = first; k < indexes.length && start[indexes[k]] <= view.max; k += 1) {
          const i = indexes[k];
          const from = Math.max(left, place(start[i]));
          const to = Math.min(right, place(shownEnd(indexes, k)));
          if (to < left) continue;
          const group = classOf(i);
          if (to <= taken[group]) continue;
          const width = Math.max(1.2, to - from - (to - from > 4 ? 1 : 0));
          taken[group] = Math.ceil(from + width);
          rectangles[group].push(from, y, width);
          if (width > 46 && texts)
            labels.push([from, y, width, `${texts[2 * i]} → ${texts[2 * i + 1]}`, group]);
          if (i === selected) rectangles.selected = [from, y, width];
        }
      });
      return { rectangles, labels };
    }

    function drawLanes(context, [left, right], height) {
      context.font = '12px system-ui, sans-serif';
      context.textBaseline = 'middle';
      lanes.forEach((indexes, lane) => {
        const y = lane * laneHeight;
        if (lane % 2 === 0) {
          context.fillStyle = crucible.colour('lane');
          context.fillRect(left, y, right - left, laneHeight);
        }
        context.fillStyle = crucible.colour('muted');
        context.textAlign = 'right';
        context.fillText(`client ${lane}`, left - 8, y + laneHeight / 2 + 0.5);
      });
      context.textAlign = 'center';
      const { step, ticks } = crucible.ticks(view.min, view.max, right - left);
      for (const tick of ticks) {
        const x = Math.round(place(tick)) + 0.5;
        context.fillStyle = crucible.colour('line');
        context.fillRect(x, 0, 1, height + 4);
        context.fillStyle = crucible.colour('muted');
        context.fillText(crucible.formatTime(tick, step), x, height + 15);
      }
    }

    function draw() {
      scheduled = false;
      const height = lanes.length * laneHeight;
      const width = container.clientWidth;
      const context = crucible.fitCanvas(canvas, width, height + axisHeight);
      const [left, right] = edges();
      drawLanes(context, [left, right], height);
      crucible.shadeFaults(context, faults, place, [left, right], [0, height]);
      const { rectangles, labels } = collect();
      classes.forEach((name, group) => {
        context.fillStyle = crucible.colour(name);
        context.globalAlpha = name === 'op-info' ? 0.75 : 1;
        const list = rectangles[group];
        for (let k = 0; k < list.length; k += 3) {
          // What is broken must be seen even when it is shorter than a pixel.
          const grow = group === 4 ? 3 : 0;
          const barWidth = Math.max(list[k + 2], grow);
          context.fillRect(list[k], list[k + 1] - grow, barWidth, barHeight + 2 * grow);
        }
      });
      context.globalAlpha = 1;
      drawLabels(context, labels);
      if (rectangles.selected) {
        const [x, y, barWidth] = rectangles.selected;
        context.strokeStyle = crucible.colour('text');
        context.lineWidth = 1.5;
        context.strokeRect(x - 1, y - 1, barWidth + 2, barHeight + 2);
      }
    }

    function drawLabels(context, labels) {
      context.font = '11px ui-monospace, Menlo, monospace';
      context.textAlign = 'left';
      for (const [x, y, width, text, group] of labels) {
        context.save();
        context.beginPath();
        context.rect(x, y, width - 3, barHeight);
        context.clip();
        context.fillStyle = group === 0 || group === 2 ? crucible.colour('text') : '#ffffff';
        if (group === 1 && crucible.isDark()) context.fillStyle = '#10202b';
        context.fillText(text, x + 4, y + barHeight / 2 + 0.5);
        context.restore();
      }
    }

    function schedule() {
      if (scheduled) return;
      scheduled = true;
      globalThis.requestAnimationFrame(draw);
    }

    /** The operation under a point, or the nearest within a few pixels; -1 when there is none. */
    function operationAt(x, y) {
      const indexes = lanes[Math.floor(y / laneHeight)];
      if (!indexes) return -1;
      return nearest(indexes, x);
    }

    const describe = (i) => ({
      asked: texts ? texts[2 * i] : '…',
      answered: texts ? texts[2 * i + 1] : '…',
      outcome: outcomeNames[outcome[i]],
      bad: isBad[i] === 1,
      facts: [
        `client ${operations.lane[i]}, process ${operations.process[i]}, operation ${operations.id[i]}`,
        operations.members[operations.member[i]]
          ? `member ${operations.members[operations.member[i]]}`
          : '',
        `at ${start[i].toFixed(6)} s`,
        end[i] === Infinity ? 'never returned' : `${((end[i] - start[i]) * 1e3).toFixed(2)} ms`,
        ...faults
          .filter((fault) => fault.start <= end[i] && (fault.end ?? Infinity) >= start[i])
          .map(({ label, targets }) => `during ${label} (${targets.join(', ')})`),
      ].filter(Boolean),
    });

    function showTip(event) {
      const [x, y] = crucible.positionIn(container, event);
      const i = operationAt(x, y);
      tip.hidden = i < 0;
      if (i < 0) return;
      crucible.fillDetails(tip, describe(i));
      crucible.placeTip(container, tip, x, y);
    }

    function select(i) {
      selected = i;
      if (i >= 0) onSelect(describe(i));
      schedule();
    }

    /** Zooms so that the operations with these ids fill the middle of the picture. */
    function jumpTo(ids) {
      const wanted = new Set(ids);
      let from = Infinity;
      let to = -Infinity;
      let last = -1;
      for (let i = 0; i < operations.count; i += 1) {
        if (!wanted.has(operations.id[i])) continue;
        from = Math.min(from, start[i]);
        to = Math.max(to, end[i] === Infinity ? start[i] : end[i]);
        last = i;
      }
      if (last < 0) return;
      const margin = Math.max((to - from) * 0.4, 2e-3);
      view.set(from - margin, to + margin);
      select(last);
      container.scrollIntoView({ block: 'center', behavior: 'smooth' });
    }

    crucible.listenToPicture(container, { view, timeAt, operationAt, showTip, select, tip });
    view.follow(schedule);
    draw();
    return {
      redraw: schedule,
      jumpTo,
      setTexts(list) {
        texts = list;
        schedule();
        if (selected >= 0) onSelect(describe(selected));
      },
    };
  };
})();
