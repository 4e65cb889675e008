/**
 * The seed of every fast-check property. Fixed by default, so that a commit passes or fails the
 * same way for everybody; `PROPERTY_SEED=random` explores (the nightly job), `PROPERTY_SEED=N`
 * runs another fixed one. A failure prints its seed and path in any case.
 */
import fc from 'fast-check';

const DEFAULT_SEED = 20_130_520;

function propertySeed(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return DEFAULT_SEED;
  if (text === 'random') return undefined;
  const seed = Number(text);
  if (Number.isInteger(seed) && Math.abs(seed) < 2 ** 31) return seed;
  throw new Error(`PROPERTY_SEED is '${text}'; expected 'random' or an integer of 32 bits`);
}

const seed = propertySeed(process.env['PROPERTY_SEED']);
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
