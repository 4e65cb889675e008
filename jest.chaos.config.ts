/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

import shared from './jest.config';

/** Scenarios on real clusters: `npm run chaos`. One at a time, each has the machine for itself. */
const config: Config = {
  ...shared,
  testMatch: ['**/*.chaos.ts'],
  maxWorkers: 1,
  testTimeout: 1_800_000,
};

export default config;
