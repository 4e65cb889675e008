/** The scenario `kill`, played by Jest; what it does and promises is in its own file. */
import { kill } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(kill);
