/** The scenario `sink`, played by Jest; what it does and promises is in its own file. */
import { sink } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(sink);
