/**
 * Reads the run out of the document: the layout is that of `reports/columns.ts`.
 */
(() => {
  const crucible = (globalThis.crucible ??= {});
  const { atob, Blob, DecompressionStream, Response, TextDecoder, document } = globalThis;

  const neverReturned = 0xffffffff;

  async function inflate(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Response(stream).arrayBuffer();
  }

  /** The typed arrays of a history, with times in seconds and the operations of each lane. */
  async function readOperations(columns) {
    const n = columns.count;
    const buffer = await inflate(columns.numbers);
    const u32 = (column) => new Uint32Array(buffer, 4 * column * n, n);
    const u16 = (column) => new Uint16Array(buffer, 16 * n + 2 * column * n, n);
    const u8 = (column) => new Uint8Array(buffer, 20 * n + column * n, n);
    const [startDelta, durationUs] = [u32(0), u32(1)];
    const start = new Float64Array(n);
    const end = new Float64Array(n);
    let us = 0;
    for (let i = 0; i < n; i += 1) {
      us += startDelta[i];
      start[i] = us / 1e6;
      end[i] = durationUs[i] === neverReturned ? Infinity : (us + durationUs[i]) / 1e6;
    }
    const lane = u16(1);
    const lanes = Array.from({ length: columns.laneCount }, () => []);
    for (let i = 0; i < n; i += 1) lanes[lane[i]].push(i);
    return {
      count: n,
      ...{ start, end, lane, lanes },
      ...{ id: u32(2), process: u32(3), member: u16(0), kind: u8(0), outcome: u8(1) },
      functions: columns.functions,
      members: columns.members,
      texts: undefined,
    };
  }

  /** The texts are the larger half and only needed under the pointer: read when first asked for. */
  async function readTexts(columns) {
    return new TextDecoder().decode(await inflate(columns.texts)).split('\n');
  }

  /** A JSON value that was compressed. */
  crucible.readPacked = async (packed) =>
    JSON.parse(new TextDecoder().decode(await inflate(packed)));
  crucible.readRun = () => JSON.parse(document.getElementById('run-data').textContent);
  crucible.readOperations = readOperations;
  crucible.readTexts = readTexts;
})();
