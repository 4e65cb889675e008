/**
 * Throughput, latency and what else was measured over time, drawn by uPlot. Fault windows lie
 * behind the lines and are named in a strip above them.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document, uPlot } = globalThis;

  const rowHeight = 17;
  const rowsMax = 4;

  /** The names of the faults, each at the begin of its window, in as few rows as fit. */
  crucible.drawFaultStrip = (container, faults, view) => {
    const canvas = document.createElement('canvas');
    container.append(canvas);
    const draw = () => {
      const width = container.clientWidth;
      const [left, right] = [crucible.gutterLeft, width - crucible.gutterRight];
      const place = (seconds) =>
        left + ((seconds - view.min) / (view.max - view.min)) * (right - left);
      const measure = canvas.getContext('2d');
      measure.font = '12px system-ui, sans-serif';
      const visible = faults
        .filter(({ start, end }) => (end ?? Infinity) >= view.min && start <= view.max)
        .map((fault) => {
          const from = Math.max(left, place(fault.start));
          const text = `${fault.label} · ${fault.targets.join(' ')}`;
          return { fault, from, text, to: from + measure.measureText(text).width + 18 };
        });
      const rows = crucible.packRows(visible, rowsMax);
      const rowCount = Math.max(1, ...rows.map((row) => row + 1));
      const height = rowCount * rowHeight + 6;
      const context = crucible.fitCanvas(canvas, width, height);
      context.font = '12px system-ui, sans-serif';
      context.textBaseline = 'middle';
      crucible.shadeFaults(context, faults, place, [left, right], [0, height]);
      visible.forEach(({ fault, from, text, to }, i) => {
        if (rows[i] < 0) return;
        const y = rows[i] * rowHeight + rowHeight / 2 + 2;
        context.fillStyle = fault.colour;
        context.fillRect(from, y - 6, 3, 12);
        if (to > right + 12) return;
        context.fillStyle = crucible.colour(fault.failure ? 'fail' : 'text');
        context.fillText(text, from + 7, y);
      });
      if (faults.length === 0) {
        context.fillStyle = crucible.colour('muted');
        context.fillText('no faults', left, height / 2);
      }
    };
    draw();
    view.follow(draw);
    return draw;
  };

  function bandsPlugin(faults) {
    const drawClear = (plot) => {
      const { left, top, width, height } = plot.bbox;
      const place = (seconds) => plot.valToPos(seconds, 'x', true);
      crucible.shadeFaults(plot.ctx, faults, place, [left, left + width], [top, top + height]);
    };
    return { hooks: { drawClear } };
  }

  /** Follows the shared view, and sets it when the reader drags over the chart. */
  function viewPlugin(view) {
    let following = false;
    const ready = (plot) => {
      view.follow(() => {
        following = true;
        plot.setScale('x', { min: view.min, max: view.max });
        following = false;
      });
      plot.over.addEventListener('dblclick', () => view.reset());
    };
    const setSelect = (plot) => {
      if (following || plot.select.width < 4) return;
      const from = plot.posToVal(plot.select.left, 'x');
      const to = plot.posToVal(plot.select.left + plot.select.width, 'x');
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      view.set(from, to);
    };
    return { hooks: { ready, setSelect } };
  }

  function axis(extra) {
    const grid = { stroke: () => crucible.colour('line'), width: 1 };
    return {
      stroke: () => crucible.colour('muted'),
      grid,
      ticks: grid,
      font: '12px system-ui, sans-serif',
      ...extra,
    };
  }

  const dash = [5, 4];

  /** One chart. `lines` are { label, values, colour, fill?, dashed? }. */
  function drawChart(container, chart, faults, view) {
    const { title, unit, seconds, lines, logarithmic } = chart;
    const heading = document.createElement('h3');
    heading.textContent = `${title} (${unit})`;
    const box = document.createElement('div');
    box.className = 'plot';
    container.append(heading, box);
    const format = (value) =>
      value === null || value === undefined
        ? '–'
        : `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))}`;
    const y = logarithmic
      ? { distr: 3, range: (_, min, max) => logarithmicRange(min, max) }
      : { range: (_, min, max) => [0, max > 0 ? max * 1.12 : 1] };
    const options = {
      width: container.clientWidth,
      height: 190,
      padding: [8, crucible.gutterRight, 0, 0],
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: 'run' } },
      scales: { x: { time: false, min: view.min, max: view.max }, y },
      axes: [
        axis({
          space: 110,
          values: (_, splits, __, ___, step) =>
            splits.map((seconds) => crucible.formatTime(seconds, step)),
        }),
        axis({
          size: crucible.gutterLeft,
          values: (_, splits) => splits.map((value) => (value === null ? '' : format(value))),
        }),
      ],
      series: [
        { label: 'time', value: (_, value) => (value === null ? '–' : `${value.toFixed(2)} s`) },
        ...lines.map(({ label, colour, fill, dashed }) => ({
          label,
          stroke: () => lineColour(colour),
          ...(fill ? { fill: () => `${lineColour(colour)}2e` } : {}),
          ...(dashed ? { dash } : {}),
          width: 1.6,
          points: { show: false },
          value: (_, value) => format(value),
        })),
      ],
      plugins: [bandsPlugin(faults), viewPlugin(view)],
    };
    const plot = new uPlot(options, [seconds, ...lines.map(({ values }) => values)], box);
    return () => {
      plot.setSize({ width: container.clientWidth, height: options.height });
      plot.redraw();
    };
  }

  /** A name of the theme, or a colour as it is. */
  function lineColour(name) {
    return name.startsWith('#') ? name : crucible.colour(name);
  }

  function logarithmicRange(min, max) {
    const low = 10 ** Math.floor(Math.log10(Math.max(0.01, min ?? 0.1)));
    const high = 10 ** Math.ceil(Math.log10(Math.max(low * 10, (max ?? 1) * 1.05)));
    return [low, high];
  }

  const palette = ['#3b82b8', '#c9822b', '#5a9e6f', '#a05fb0', '#c9556b', '#5b8f99', '#8a7f3c'];

  /** All charts of a history; returns what redraws them. */
  crucible.drawCharts = (container, history, view) => {
    const { buckets, series, faults } = history;
    const clamp = (values) =>
      values.map((value) => (value === null ? null : Math.max(0.01, value)));
    const charts = [
      {
        title: 'Throughput',
        unit: `operations per second, slices of ${buckets.bucketSeconds} s`,
        seconds: buckets.seconds,
        lines: [
          { label: 'ok', values: buckets.ok, colour: 'op-write', fill: true },
          { label: 'failed', values: buckets.fail, colour: 'op-fail' },
          { label: 'unknown', values: buckets.info, colour: 'op-info' },
        ],
      },
      {
        title: 'Latency of what succeeded',
        unit: 'ms, logarithmic',
        seconds: buckets.seconds,
        logarithmic: true,
        lines: [
          { label: 'median', values: clamp(buckets.p50), colour: 'op-write' },
          { label: '95 %', values: clamp(buckets.p95), colour: '#8a63d2' },
          { label: '99 %', values: clamp(buckets.p99), colour: '#c9556b' },
          { label: 'slowest', values: clamp(buckets.max), colour: 'op-fail', dashed: true },
        ],
      },
      ...series.map(({ title, unit, seconds, lines }) => ({
        title,
        unit,
        seconds,
        lines: lines.map((line, i) => ({ ...line, colour: palette[i % palette.length] })),
      })),
    ];
    const redraws = charts.map((chart) => drawChart(container, chart, faults, view));
    return () => {
      for (const redraw of redraws) redraw();
    };
  };
})();
