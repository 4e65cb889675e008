/** The scenario `memory`, played by Jest; what it does and promises is in its own file. */
import { memory } from './memory';
import { describeScenario } from './testing/describeScenario';

describeScenario(memory);
