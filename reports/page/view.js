/**
 * What all pictures share: the visible range of time, the margins that make their axes line up,
 * the colours of the theme, and the bands of the faults.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { document, getComputedStyle } = globalThis;

  /** Pixels left and right of every plot area; one place, so that all axes line up. */
  crucible.gutterLeft = 68;
  crucible.gutterRight = 18;

  /** A range of time that can be set by one picture and is followed by the others. */
  crucible.createView = (seconds) => {
    const followers = [];
    const minSpan = Math.min(seconds, 1e-4);
    const view = {
      min: 0,
      max: seconds,
      seconds,
      set(from, to) {
        const span = Math.min(seconds, Math.max(minSpan, to - from));
        const min = Math.max(0, Math.min(seconds - span, from));
        if (min === view.min && min + span === view.max) return;
        view.min = min;
        view.max = min + span;
        for (const follow of followers) follow();
      },
      /** Zooms by a factor (below 1 is in) around a moment. */
      zoom(factor, around = (view.min + view.max) / 2) {
        view.set(around - (around - view.min) * factor, around + (view.max - around) * factor);
      },
      pan(fraction) {
        const by = (view.max - view.min) * fraction;
        view.set(view.min + by, view.max + by);
      },
      reset() {
        view.set(0, seconds);
      },
      follow(run) {
        followers.push(run);
      },
    };
    return view;
  };

  crucible.colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /** Runs again whenever the system switches between light and dark. */
  crucible.onTheme = (run) => {
    globalThis.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', run);
  };

  crucible.formatTime = (seconds, step) => {
    if (step >= 1) return `${Math.round(seconds)} s`;
    const digits = Math.min(6, Math.ceil(-Math.log10(step)));
    return `${seconds.toFixed(digits)} s`;
  };

  /** Round steps so that labels are at least `pixels` apart. */
  crucible.ticks = (min, max, width, pixels = 110) => {
    const rough = ((max - min) * pixels) / Math.max(1, width);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
    const ticks = [];
    for (let k = Math.ceil(min / step); k * step <= max; k += 1) ticks.push(k * step);
    return { step, ticks };
  };

  /** A canvas in device pixels with a context that counts in CSS pixels. */
  crucible.fitCanvas = (canvas, width, height) => {
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  };

  /**
   * Shades the fault windows between two heights. `place` turns seconds into pixels, `edges` are
   * the left and right end of the plot area.
   */
  crucible.shadeFaults = (context, faults, place, [left, right], [top, bottom]) => {
    context.save();
    for (const { start, end, colour } of faults) {
      const from = Math.max(left, place(start));
      const to = Math.min(right, place(end ?? Infinity));
      if (to <= left || from >= right) continue;
      context.fillStyle = colour;
      context.globalAlpha = 0.13;
      context.fillRect(from, top, Math.max(1, to - from), bottom - top);
      context.globalAlpha = 0.5;
      context.fillRect(from, top, 1, bottom - top);
    }
    context.restore();
  };

  /** Puts labels in as few rows as possible without overlaps; -1 where a row is not left. */
  crucible.packRows = (items, rowsMax) => {
    const ends = [];
    return items.map(({ from, to }) => {
      const row = ends.findIndex((end) => end <= from);
      if (row >= 0) {
        ends[row] = to;
        return row;
      }
      if (ends.length >= rowsMax) return -1;
      ends.push(to);
      return ends.length - 1;
    });
  };
})();
