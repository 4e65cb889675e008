/** The scenario `lag`, played by Jest; what it does and promises is in its own file. */
import { lag } from './lag';
import { describeScenario } from './testing/describeScenario';

describeScenario(lag);
