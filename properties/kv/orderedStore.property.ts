/** The laws of an ordered store, for the one in memory. */
import { MemoryStore } from '../../src/kv';
import { describeOrderedStore } from './describeOrderedStore';

describeOrderedStore('MemoryStore', () => new MemoryStore());
