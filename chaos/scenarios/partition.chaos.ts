/** The scenario `partition`, played by Jest; what it does and promises is in its own file. */
import { partition } from './faultRuns';
import { describeScenario } from './testing/describeScenario';

describeScenario(partition);
