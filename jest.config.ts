/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['ts-jest', {}] },
  testMatch: ['**/*.test.ts', '**/*.property.ts'],
  setupFiles: ['<rootDir>/properties/setup/seeds.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/reports/runs/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/reports/runs/'],
  // Many times what the slowest property takes: a machine may be shared, and a hang still ends.
  testTimeout: 180_000,
};

export default config;
