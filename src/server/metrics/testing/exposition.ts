/** Reads the text format of Prometheus, strictly: what a scraper would refuse is an error. */

/** Values by name and labels as they stand in the text, such as `up{job="x"}`. */
export type Exposition = ReadonlyMap<string, number>;

const SAMPLE = /^([a-z_:][a-z0-9_:]*)(\{[^}]*\})? (\S+)$/i;
const LABELS = /^\{([a-z_]\w*="(?:[^"\\]|\\["\\n])*",?)+\}$/i;
const TYPES = ['counter', 'gauge', 'histogram'];

export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      if (!TYPES.includes(type) || types.has(name)) throw new Error(`bad type line: ${line}`);
      types.set(name, type);
      continue;
    }
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    const family = types.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '');
    const number = Number(value);
    if (!types.has(family) || value === '' || Number.isNaN(number)) {
      throw new Error(`bad sample: ${line}`);
    }
    if (labels !== '' && !LABELS.test(labels)) throw new Error(`bad labels: ${line}`);
    if (types.get(family) === 'counter' && number < 0) throw new Error(`below zero: ${line}`);
    const key = `${name}${labels}`;
    if (values.has(key)) throw new Error(`twice: ${line}`);
    values.set(key, number);
  }
  return values;
}
