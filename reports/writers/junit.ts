/**
 * junit.xml: each promise is a test case, so that any CI shows what broke.
 *
 * A broken promise is a failure with its counterexample; an undecided one is an error, because a
 * run that could not decide must not look green; a skipped one is skipped with its reason.
 */
import {
  evidencePhrases,
  headline,
  type PropertyResult,
  type RunReport,
  type Verdict,
} from '../runReport';

/** Text in XML 1.0: markup escaped, characters that no XML may contain replaced. */
export function escapeXml(text: string): string {
  return (
    text
      // Lone surrogates and most control characters are not allowed, not even as references.
      .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\n', '&#10;')
      .replaceAll('\r', '&#13;')
      .replaceAll('\t', '&#9;')
  );
}

function element(name: string, attributes: Readonly<Record<string, string>>, body = ''): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return body === '' ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${body}</${name}>`;
}

function outcome({ verdict, reason = '', counterexample }: PropertyResult): string {
  const { title = reason, lines = [], replay } = counterexample ?? {};
  const details = [reason, ...lines, ...(replay === undefined ? [] : [`replay: ${replay}`])];
  const body = escapeXml(details.filter((line) => line !== '').join('\n'));
  switch (verdict) {
    case 'ok':
      return '';
    case 'fail':
      return element('failure', { message: title || 'the promise is broken', type: 'fail' }, body);
    case 'unknown':
      return element('error', { message: reason || 'could not decide', type: 'unknown' }, body);
    case 'skipped':
      return element('skipped', { message: reason || 'not checked' });
  }
}

export function writeJunit(report: RunReport): string {
  const { properties, title, startedAt, seconds, environment, target, seed, command } = report;
  const count = (verdict: Verdict): string =>
    String(properties.filter((property) => property.verdict === verdict).length);
  const counts = {
    tests: String(properties.length),
    failures: count('fail'),
    errors: count('unknown'),
    skipped: count('skipped'),
  };
  const facts = { target: `${target.name} (${target.how})`, seed, command, ...environment };
  const facets = Object.entries(facts).map(([name, value]) => element('property', { name, value }));
  const cases = properties.map((property) => {
    const time = (property.evidence.seconds ?? 0).toFixed(3);
    const name = `${property.id}: ${property.title}`;
    const evidence = evidencePhrases(property.evidence).join(', ');
    const printed = evidence === '' ? '' : element('system-out', {}, escapeXml(evidence));
    const classname = `crucible.${target.name}`;
    return element('testcase', { classname, name, time }, outcome(property) + printed);
  });
  const suite = { name: title, timestamp: startedAt.replace(/\.\d+Z$|Z$/, '') };
  const time = seconds.toFixed(3);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="raft-crucible" ${attributesOf({ ...counts, time })}>`,
    `  <testsuite ${attributesOf({ ...suite, ...counts, time })}>`,
    `    <properties>${facets.join('')}</properties>`,
    ...cases.map((line) => `    ${line}`),
    `    ${element('system-out', {}, escapeXml(headline(properties)))}`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function attributesOf(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([key, value]) => `${key}="${escapeXml(value)}"`)
    .join(' ');
}
